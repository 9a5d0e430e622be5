"""Functions to use a trained model from Python, without a runner."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmcmd.apis.config import load_config
from mmcmd.apis.fitting import fit_to_data
from mmcmd.errors import InputError, config_faults
from mmcmd.io.checkpoint import check_architecture, keep_encoders, load_plain, needed
from mmcmd.io.encoders import check_persons, read_description
from mmcmd.io.hub import is_hub_id
from mmcmd.models import SkeletonClassifier, StreamModel
from mmcmd.registry import MODELS, SCOPE
from mmcmd.structures import get_labels


def init_model(
    config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu'
) -> BaseModel:
    """Build the model of a config and load its weights, or build the model of a checkpoint.

    Args:
        config (str | Path | Config): Config or its file. If ``checkpoint`` is not given, this may
            also be a checkpoint: a folder as ``publish_model.py`` writes it, its name on the hub
            (``'user/name'``), or a ``.pth`` file that describes its encoders.
        checkpoint (str | Path, optional): File, folder or name on the hub. By default, the model
            of a config keeps its initial weights. With a checkpoint that holds only encoders, the
            model can only compute features.
        device (str): Device of the model. Defaults to ``'cpu'``.

    Returns:
        BaseModel: The model, in ``eval()``. Without a config, it is a
        :class:`mmcmd.models.SkeletonClassifier` if the checkpoint is one, and a
        :class:`mmcmd.models.FeatureExtractor` otherwise.

    Raises:
        InputError: If the config names a class or an argument that does not exist, or if the
            checkpoint is missing, holds more than data or has another architecture.
    """
    if checkpoint is None and not isinstance(config, Config) and _is_checkpoint(str(config)):
        from mmcmd.inference.checkpoints import build_from_checkpoint  # it imports this package

        init_default_scope(SCOPE)
        method = read_description(str(config)).get('method')
        model, _ = build_from_checkpoint(config, classifier=method == SkeletonClassifier.__name__)
        return model.to(device)
    if isinstance(config, Config):
        config = deepcopy(config)  # fit_to_data changes it
    else:
        config = load_config(config, checkpoint=None if checkpoint is None else str(checkpoint))
    fit_to_data(config)
    init_default_scope(config.get('default_scope', 'mmcmd'))
    with config_faults():
        model = MODELS.build(config.model)
    if checkpoint is not None:
        content = load_plain(str(checkpoint), map_location='cpu')
        check_persons(content, config, str(checkpoint))
        state = content.get('state_dict', content)
        if getattr(model, 'encoders_only', False):
            state = keep_encoders(state, model.streams)
        expected = model.state_dict()
        if not isinstance(model, SkeletonClassifier):  # a classifier needs its heads
            expected = needed(expected, state)
        check_architecture(expected, state, str(checkpoint))
        model.load_state_dict(state, strict=False)
    return model.to(device).eval()


def _is_checkpoint(name: str) -> bool:
    """Return whether a text names a checkpoint, and not a config."""
    return Path(name).is_dir() or name.endswith('.pth') or is_hub_id(name)


def build_loader(config: str | Path | Config, loader: str = 'test_dataloader') -> DataLoader:
    """Build one of a config's data loaders.

    Args:
        config (str | Path | Config): Config or its file.
        loader (str): Dotted name of the loader, such as ``'test_cfg.gallery_dataloader'``. Defaults
            to ``'test_dataloader'``.

    Raises:
        InputError: If the config has no such loader, names a class or an argument that does not
            exist, or its data cannot be read.
    """
    config = config if isinstance(config, Config) else load_config(config)
    init_default_scope(config.get('default_scope', 'mmcmd'))
    for name in loader.split('.'):
        if not (config and config.get(name)):
            raise InputError(f'the config has no {loader}')
        config = config[name]
    with config_faults():
        return Runner.build_dataloader(config, seed=0)


def sample_names(loader: DataLoader) -> list[str]:
    """Return the names of a loader's sequences, in its order.

    Args:
        loader (DataLoader): Loader of a :class:`mmcmd.datasets.SkeletonDataset`. Its sampler must
            give the same order each time it is used in one epoch.
    """
    indices = (key[-1] if isinstance(key, tuple) else key for key in loader.sampler)
    return [str(loader.dataset.get_data_info(index)['frame_dir']) for index in indices]


def extract_features(
    model: StreamModel, loader: Iterable[dict]
) -> tuple[dict[str, Tensor], Tensor]:
    """Encode every sequence of a loader.

    Args:
        model (StreamModel): Any model with streams.
        loader (Iterable[dict]): Batches of inputs (N, clips, M, T, V, C); features are averaged
            over clips.

    Returns:
        tuple[dict[str, Tensor], Tensor]: Features (N, D) by stream, and labels (N,).
    """

    def encode(batch: dict) -> dict[str, Tensor]:
        features = model.clip_features(batch['inputs'], batch['data_samples'])
        return {name: x.mean(dim=1) for name, x in features.items()}

    return _run_over(model, loader, encode)


def predict_scores(model: StreamModel, loader: Iterable[dict]) -> tuple[dict[str, Tensor], Tensor]:
    """Classify every sequence of a loader.

    Args:
        model (BaseModel): A :class:`mmcmd.models.SkeletonClassifier`.
        loader (Iterable[dict]): Batches of inputs (N, clips, M, T, V, C).

    Returns:
        tuple[dict[str, Tensor], Tensor]: Class probabilities (N, num_classes) by stream, and labels
        (N,).
    """

    def classify(batch: dict) -> dict[str, Tensor]:
        scores = model.scores(batch['inputs'], batch['data_samples'])
        return {name: x.softmax(dim=1) for name, x in scores.items()}

    return _run_over(model, loader, classify)


@torch.no_grad()
def _run_over(
    model: StreamModel, loader: Iterable[dict], function: Callable[[dict], dict[str, Tensor]]
) -> tuple[dict[str, Tensor], Tensor]:
    """Apply a function to every batch, and join its results and the labels."""
    parts, labels = defaultdict(list), []
    for batch in loader:
        batch = model.data_preprocessor(batch)
        for name, values in function(batch).items():
            parts[name].append(values.cpu())
        labels.append(get_labels(batch['data_samples'], torch.device('cpu')))
    return {name: torch.cat(x) for name, x in parts.items()}, torch.cat(labels)

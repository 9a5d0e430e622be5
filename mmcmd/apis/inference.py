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
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import ENCODERS, check_architecture, keep_encoders, load_plain
from mmcmd.models import StreamModel
from mmcmd.registry import MODELS
from mmcmd.structures import get_labels

LOADERS = {
    'train': 'train_dataloader',
    'val': 'val_dataloader',
    'test': 'test_dataloader',
    'gallery': 'test_cfg.gallery_dataloader',
}
"""Short names of a config's data loaders. The gallery is the training split, as in tests."""


def init_model(
    config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu'
) -> BaseModel:
    """Build the model of a config and load its weights.

    Args:
        config (str | Path | Config): Config or its file.
        checkpoint (str | Path, optional): Without one, the model keeps its initial weights. A
            checkpoint with encoders only, as ``publish_model.py`` writes it, gives features only.
        device (str): Defaults to ``'cpu'``.

    Returns:
        BaseModel: The model, in ``eval()``.

    Raises:
        InputError: If the checkpoint is missing, holds more than data or is of another
            architecture.
    """
    if isinstance(config, Config):
        config = deepcopy(config)  # it is fitted to the data, as the training was
    else:
        config = load_config(config, checkpoint=None if checkpoint is None else str(checkpoint))
    fit_to_data(config)
    init_default_scope(config.get('default_scope', 'mmcmd'))
    model = MODELS.build(config.model)
    if checkpoint is not None:
        state = load_plain(str(checkpoint), map_location='cpu')
        state = state.get('state_dict', state)
        if getattr(model, 'encoders_only', False):
            state = keep_encoders(state, model.streams)
        expected = model.state_dict()
        encoders = {name: x for name, x in expected.items() if name.startswith(ENCODERS)}
        if all(name.startswith(ENCODERS) for name in state):
            expected = encoders
        check_architecture(expected, state, str(checkpoint))
        model.load_state_dict(state, strict=False)
    return model.to(device).eval()


def build_loader(config: str | Path | Config, loader: str = 'test_dataloader') -> DataLoader:
    """Build one of a config's data loaders.

    Args:
        config (str | Path | Config): Config or its file.
        loader (str): Its name, with dots, such as ``'test_cfg.gallery_dataloader'``. Defaults to
            ``'test_dataloader'``.

    Raises:
        InputError: If the config has no such loader, or its data cannot be read.
    """
    config = config if isinstance(config, Config) else load_config(config)
    init_default_scope(config.get('default_scope', 'mmcmd'))
    for name in loader.split('.'):
        if not (config and config.get(name)):
            raise InputError(f'the config has no {loader}')
        config = config[name]
    return Runner.build_dataloader(config, seed=0)


def sample_names(loader: DataLoader) -> list[str]:
    """Return the names of a loader's sequences, in its order.

    Args:
        loader (DataLoader): Loader of a :class:`mmcmd.datasets.SkeletonDataset`. Its sampler must
            give the same order each time in one epoch.
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
    """Apply a function to every batch. Join its results, and the labels."""
    parts, labels = defaultdict(list), []
    for batch in loader:
        batch = model.data_preprocessor(batch)
        for name, values in function(batch).items():
            parts[name].append(values.cpu())
        labels.append(get_labels(batch['data_samples'], torch.device('cpu')))
    return {name: torch.cat(x) for name, x in parts.items()}, torch.cat(labels)

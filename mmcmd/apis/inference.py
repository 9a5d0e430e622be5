"""What a Python user calls on a trained model; no runner is needed."""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import check_architecture, load_plain
from mmcmd.io.publish import QUERY
from mmcmd.registry import MODELS
from mmcmd.structures import get_labels

LOADERS = {
    'train': 'train_dataloader',
    'val': 'val_dataloader',
    'test': 'test_dataloader',
    'gallery': 'test_cfg.gallery_dataloader',
}
"""Short names of a config's data loaders; the gallery is the training split as tests see it."""


def init_model(
    config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu'
) -> BaseModel:
    """Build the model of a config and load its weights.

    Args:
        config (str | Path | Config): Config or its file.
        checkpoint (str | Path, optional): Without one the model stays as it is initialised. One
            that holds query encoders alone, as ``publish_model.py`` writes, serves features only.
        device (str): Defaults to ``'cpu'``.

    Returns:
        BaseModel: In ``eval()``.

    Raises:
        InputError: If the checkpoint is missing, holds more than data or is of another
            architecture.
    """
    config = config if isinstance(config, Config) else Config.fromfile(config)
    init_default_scope(config.get('default_scope', 'mmcmd'))
    model = MODELS.build(config.model)
    if checkpoint is not None:
        state = load_plain(str(checkpoint), map_location='cpu')
        state = state.get('state_dict', state)
        expected = model.state_dict()
        query = {name: x for name, x in expected.items() if name.startswith(QUERY)}
        if query and all(name.startswith(QUERY) for name in state):
            expected = query
        check_architecture(expected, state, str(checkpoint))
        model.load_state_dict(state, strict=False)
    return model.to(device).eval()


def build_loader(config: str | Path | Config, loader: str = 'test_dataloader') -> DataLoader:
    """Build one of a config's data loaders.

    Args:
        config (str | Path | Config): Config or its file.
        loader (str): Its name, with dots: ``'test_cfg.gallery_dataloader'`` is the gallery's.
            Defaults to ``'test_dataloader'``.

    Raises:
        InputError: If the config has no such loader, or its data cannot be read.
    """
    config = config if isinstance(config, Config) else Config.fromfile(config)
    init_default_scope(config.get('default_scope', 'mmcmd'))
    for name in loader.split('.'):
        if not (config and config.get(name)):
            raise InputError(f'the config has no {loader}')
        config = config[name]
    return Runner.build_dataloader(config, seed=0)


def sample_names(loader: DataLoader) -> list[str]:
    """Return the names of a loader's sequences, in its order.

    Args:
        loader (DataLoader): Of a :class:`mmcmd.datasets.SkeletonDataset`; its sampler gives the
            same order each time in one epoch.
    """
    indices = (key[-1] if isinstance(key, tuple) else key for key in loader.sampler)
    return [str(loader.dataset.get_data_info(index)['frame_dir']) for index in indices]


def extract_features(model: BaseModel, loader: Iterable[dict]) -> tuple[dict[str, Tensor], Tensor]:
    """Encode every sequence of a loader.

    Args:
        model (BaseModel): Any with ``modalities`` and ``extract_feat``.
        loader (Iterable[dict]): Batches of inputs (N, clips, M, T, V, C); features are averaged
            over clips.

    Returns:
        tuple[dict[str, Tensor], Tensor]: Modality to features (N, D), and labels (N,).
    """

    def encode(inputs: Tensor) -> dict[str, Tensor]:
        clips = {name: model.extract_feat(inputs.flatten(0, 1), name) for name in model.modalities}
        return {name: x.unflatten(0, inputs.shape[:2]).mean(dim=1) for name, x in clips.items()}

    return _run_over(model, loader, encode)


def predict_scores(model: BaseModel, loader: Iterable[dict]) -> tuple[dict[str, Tensor], Tensor]:
    """Classify every sequence of a loader.

    Args:
        model (BaseModel): A :class:`mmcmd.models.SkeletonClassifier`.
        loader (Iterable[dict]): Batches of inputs (N, clips, M, T, V, C).

    Returns:
        tuple[dict[str, Tensor], Tensor]: Modality to class probabilities (N, num_classes), and
        labels (N,).
    """

    def classify(inputs: Tensor) -> dict[str, Tensor]:
        return {name: x.softmax(dim=1) for name, x in model(inputs, mode='tensor').items()}

    return _run_over(model, loader, classify)


@torch.no_grad()
def _run_over(
    model: BaseModel, loader: Iterable[dict], function: Callable[[Tensor], dict[str, Tensor]]
) -> tuple[dict[str, Tensor], Tensor]:
    """Apply a function to the inputs of every batch; join what it gives, and the labels."""
    parts, labels = {name: [] for name in model.modalities}, []
    for batch in loader:
        batch = model.data_preprocessor(batch)
        for name, values in function(batch['inputs']).items():
            parts[name].append(values.cpu())
        labels.append(get_labels(batch['data_samples'], torch.device('cpu')))
    return {name: torch.cat(x) for name, x in parts.items()}, torch.cat(labels)

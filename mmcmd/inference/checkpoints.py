"""Build the model that a checkpoint describes, without a config file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mmcmd.apis import init_model, load_config
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import check_architecture, encoder_names, keep_encoders
from mmcmd.io.encoders import plain
from mmcmd.models import SkeletonClassifier, StreamModel
from mmcmd.registry import MODELS
from mmcmd.skeletons import Layout, get_layout

_HEADS = 'heads.'


class _ZeroInitialisation(TorchFunctionMode):
    """Set the initial weights to 0, because all weights are loaded. This saves a second.

    Memory without values would be enough for most layers. But ``trunc_normal_`` draws again and
    again until all values are small, which memory of any content may never be.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence = (), kwargs: Mapping | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, '__name__', '') in ('normal_', 'uniform_'):
            tensor = args[0] if args else kwargs['tensor']
            tensor.detach().zero_()
            return tensor
        return func(*args, **kwargs)


@dataclass(frozen=True)
class Recipe:
    """Describes how the inputs of an encoder are made.

    Attributes:
        layout (Layout): Joint layout that the encoder takes.
        clip_len (int): Frames of a clip.
        pipeline (list[dict]): Transforms of the test pipeline.
        classes (list[str]): Class names of the training data; empty if they are not known.
        method (str): Name of the method that trained the encoder.
    """

    layout: Layout
    clip_len: int
    pipeline: list[dict[str, Any]]
    classes: list[str]
    method: str


def build_from_checkpoint(
    checkpoint: str | Path, classifier: bool = False, streams: Sequence[str] | None = None
) -> tuple[StreamModel, Recipe]:
    """Build the encoders (and classifier) of a checkpoint and load their weights.

    Args:
        checkpoint (str | Path): Checkpoint of a training, or a published checkpoint.
        classifier (bool): Build the classifier too. Defaults to False.
        streams (Sequence[str], optional): Names of the streams. Defaults to all that an evaluation
            takes.

    Returns:
        tuple[StreamModel, Recipe]: The model, in ``eval()`` on the CPU, and its recipe.

    Raises:
        InputError: If the file cannot be loaded, does not describe its encoders, or lacks a stream
            or the classifier.
    """
    name = str(checkpoint)
    loaded = CheckpointLoader.load_checkpoint(name, 'cpu', logger='silent')
    state = loaded.get('state_dict', loaded)
    meta = loaded.get('meta') or {}
    if not encoder_names(state):
        raise InputError(f'{name} holds no encoders (tensors named encoders.STREAM...)')
    description = meta.get('encoder') or {}
    if not {'streams', 'layout', 'test_pipeline', 'clip_len'} <= description.keys():
        raise InputError(
            f'{name} does not describe its encoders (it was made before version 0.2, or another '
            'program wrote it); give config=FILE with the config that it was trained with'
        )
    config = {
        'type': 'FeatureExtractor',
        'modalities': _choose(name, description, streams),
        'layout': description['layout'],
    }
    kept = keep_encoders(state, config['modalities'])
    if classifier:
        kept |= _heads_of(name, state, config['modalities'], description.get('method'))
        config |= _classifier_config(description, kept)
    get_layout(description['layout'], files=False)  # a file must not name a path
    try:
        with _ZeroInitialisation():
            model = MODELS.build(config)
    except (KeyError, TypeError) as error:
        raise InputError(
            f'the encoders of {name} cannot be built: {error}; if they are your own, import the '
            'module that registers them first'
        ) from None
    check_architecture(model.state_dict(), kept, name)
    model.load_state_dict(kept)
    return model.eval(), make_recipe(description, meta)


def build_from_config(
    config: str | Path | Config, checkpoint: str, streams: Sequence[str] | None = None
) -> tuple[StreamModel, Recipe]:
    """Build the model of a config and load a checkpoint that does not describe its encoders.

    Args:
        config (str | Path | Config): Config of an evaluation, or its file.
        checkpoint (str): The checkpoint.
        streams (Sequence[str], optional): Names of the streams. Defaults to those of the config.

    Returns:
        tuple[StreamModel, Recipe]: The model, in ``eval()`` on the CPU, and its recipe.

    Raises:
        InputError: If the config or the checkpoint cannot be read, or they do not fit.
    """
    if not isinstance(config, Config):
        options = {'model.modalities': list(streams)} if streams else None
        config = load_config(config, checkpoint=checkpoint, options=options)
    dataset = config.test_dataloader.dataset
    description = {
        'layout': plain(dataset.get('map_to') or dataset.layout),
        'clip_len': dataset.clip_len,
        'test_pipeline': plain(dataset.pipeline),
        'data': plain(config.get('data') or {}),
        'method': config.model.type,
    }
    return init_model(config, checkpoint), make_recipe(description, {})


def make_recipe(description: Mapping[str, Any], meta: Mapping[str, Any]) -> Recipe:
    """Return the recipe that the description of a checkpoint holds.

    Args:
        description (Mapping): The entry ``encoder`` of :func:`mmcmd.io.encoders.describe`.
        meta (Mapping): ``meta`` of the checkpoint. It may hold the class names.
    """
    data = description.get('data') or {}
    found = (x.get('classes') for x in (description, data, meta, meta.get('dataset_meta') or {}))
    classes = next((x for x in found if x), ())
    return Recipe(
        get_layout(description['layout'], files=False),
        int(description['clip_len']),
        plain(description['test_pipeline']),
        [str(x) for x in classes],
        str(description.get('method', '')),
    )


def _choose(
    name: str, description: Mapping[str, Any], streams: Sequence[str] | None
) -> dict[str, dict]:
    """Return the configs of the chosen streams."""
    known = description['streams']
    chosen = list(streams or description.get('evaluated') or known)
    if missing := [stream for stream in chosen if stream not in known]:
        raise InputError(f'{name} has no stream {missing[0]!r}; it has {", ".join(known)}')
    return {stream: plain(known[stream]) for stream in chosen}


def _heads_of(
    name: str, state: Mapping[str, Tensor], streams: Mapping[str, dict], method: str | None
) -> dict[str, Tensor]:
    """Return the weights of the classifier.

    Raises:
        InputError: If there is no classifier.
    """
    prefixes = tuple(f'{_HEADS}{stream}.' for stream in streams)
    heads = {key: x for key, x in state.items() if key.startswith(prefixes)}
    if not heads or method not in (None, SkeletonClassifier.__name__):
        raise InputError(
            f'{name} holds encoders of {method} and no classifier; train one with: '
            f'mmcmd train configs/benchmarks/linear.py --pretrained {name}'
        )
    return heads


def _classifier_config(
    description: Mapping[str, Any], state: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Return the config of the classifier. Without a description, the weights show its head."""
    weight = next(x for key, x in state.items() if key.endswith('.fc.weight'))
    head = {
        'type': 'LinearHead',
        'num_classes': len(weight),
        'with_norm': any(key.startswith(_HEADS) and '.norm.' in key for key in state),
    }
    return {
        'type': SkeletonClassifier.__name__,
        'head': plain(description.get('head') or head),
        'fusion': plain(description.get('fusion') or {}),
    }

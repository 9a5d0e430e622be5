"""Describe the encoders in a checkpoint, and read the description."""

from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import encoder_names
from mmcmd.skeletons import get_layout

RECIPE = ('data', 'clip_len', 'finetune_pipeline', 'test_pipeline')
"""Entries of a config that say how the inputs of an encoder are made."""
AS_CLIP = 'FormatGCNInput'
"""Step of mmaction2 that makes a clip of a sequence. It drops persons, or adds persons of zeros."""
PERSONS = 2
"""Persons of a clip unless the data set names another number, as in the papers on NTU RGB+D."""
METHOD = ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'pretrain_pipeline', 'budget')
"""Entries of a config that say how an encoder was trained. Nothing is built from them."""


def describe(model: nn.Module, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a model's encoders that an evaluation needs.

    Args:
        model (nn.Module): A :class:`mmcmd.models.StreamModel`, or another model.
        config (Mapping): Config of the run.

    Returns:
        dict: ``layout`` (name of the joint layout) and ``encoder`` with ``method``, ``layout``,
        ``streams``, the entries :data:`RECIPE` of the config, and ``config`` with its entries
        :data:`METHOD`. All values are plain data. If the model has no streams, the dict is empty.
    """
    if not hasattr(model, 'describe'):
        return {}
    recipe = {name: plain(config[name]) for name in RECIPE if name in config}
    # The path is left out, because it names a folder of the author.
    recipe.get('data', {}).pop('ann_file', None)
    encoder = {'method': type(model).__name__, **plain(model.describe()), **recipe}
    encoder['config'] = _method_of(config)
    if config.get('pretrained_by'):  # only a classifier has it: method and data of its encoders
        encoder['pretrained_by'] = plain(config['pretrained_by'])
    return {'layout': get_layout(encoder['layout']).name, 'encoder': encoder}


def _method_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that say how a model was trained, without paths of the author."""
    entries = {name: _as_data(config[name]) for name in METHOD if config.get(name) is not None}
    for name in ('pretrained', 'encoder_from'):
        entries.get('model', {}).pop(name, None)
    batch_size = (config.get('train_dataloader') or {}).get('batch_size')
    return entries | ({'batch_size': batch_size} if batch_size else {})


def _as_data(value: Any) -> Any:
    """Turn values of a config that are not plain data, such as classes, into text."""
    if isinstance(value, Mapping):
        return {str(key): _as_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_data(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def plain(value: Any) -> Any:
    """Turn the containers of a config into dicts, lists and tuples."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    return value


def read_description(filename: str) -> dict[str, Any]:
    """Read the description of the encoders in a checkpoint.

    Args:
        filename (str): Checkpoint of a pre-training, or a published checkpoint.

    Returns:
        dict: The entry ``encoder`` of :func:`describe`. It is empty for a checkpoint from before
        version 0.2, which has no description.

    Raises:
        InputError: If the file is not a checkpoint of a model with encoders.
    """
    checkpoint = CheckpointLoader.load_checkpoint(filename, map_location='cpu')
    state = checkpoint.get('state_dict', checkpoint)
    if not encoder_names(state):
        raise InputError(
            f'{filename} holds no encoders (tensors named encoders.STREAM...); give a checkpoint '
            'of a pre-training, or one that `mmcmd publish` has written'
        )
    return (checkpoint.get('meta') or {}).get('encoder', {})


def persons_of(pipeline: Iterable[Mapping[str, Any]]) -> int:
    """Return how many persons the clips of a pipeline have."""
    steps = [step for step in pipeline if step.get('type') == AS_CLIP]
    return steps[-1].get('num_person', PERSONS) if steps else PERSONS


def check_persons(checkpoint: Mapping[str, Any], config: Mapping[str, Any], source: str) -> None:
    """Check that a config makes clips of as many persons as a checkpoint was trained with.

    The weights of a graph encoder or a transformer do not show this number, but its features depend
    on it.

    Args:
        checkpoint (Mapping): Content of the checkpoint.
        config (Mapping): Config of a pre-training. It is not checked if it has no test pipeline.
        source (str): Name of the checkpoint in the message.

    Raises:
        InputError: If the numbers differ.
    """
    described = (checkpoint.get('meta') or {}).get('encoder') or {}
    if 'test_pipeline' not in described or 'test_pipeline' not in config:
        return
    trained, found = (persons_of(x['test_pipeline']) for x in (described, config))
    if trained != found:
        raise InputError(
            f'{source} was trained on clips with num_person={trained}, but the config makes clips '
            f'with num_person={found}; add --cfg-options data.num_person={trained}'
        )

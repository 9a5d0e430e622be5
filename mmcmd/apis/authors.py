"""Convert checkpoints of the authors' released code to checkpoints of this package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmcmd.apis.config import load_config
from mmcmd.config_files import configs_root
from mmcmd.errors import InputError, not_a_file
from mmcmd.io.authors import (
    authors_tensors,
    drop_unused_prompts,
    model_sizes,
    rename_authors_state,
)
from mmcmd.io.checkpoint import ENCODERS as PREFIX
from mmcmd.io.checkpoint import check_architecture, load_plain
from mmcmd.io.encoders import PERSONS, describe
from mmcmd.io.files import replace_file
from mmcmd.io.hub import load_tensors
from mmcmd.registry import MODELS

ENCODERS = {
    'cmd': 'bigru',
    'isc': 'bigru_plain',
    'pcm3': 'bigru',
    'ascal': 'lstm_ascal',
    'ms2l': 'bigru_ms2l',
    'mamp': 'transformer',
    'stars': 'transformer',
    'slim': 'rotary',
    'usdrl': 'dste',
    'pc': 'bigru_pc',
}
"""Maps a method to the encoder of its released code. All other methods use ``stgcn_clr``."""
OTHER_ENCODERS = {'AGCN': 'agcn'}
"""Maps a type of backbone to its encoder, for a method that has several kinds of encoders. The type
is recognised by the tensors of the file."""


def convert_authors(
    method: str, files: Mapping[str, str | Path], data: str | None = None
) -> dict[str, Any]:
    """Convert checkpoints of a method's released pre-training to one checkpoint of mmcmd.

    Args:
        method (str): One of :data:`mmcmd.io.authors.METHODS`.
        files (Mapping[str, str | Path]): Maps a stream to its file. Names without a suffix in the
            file belong to this stream. Give one file, or one per stream if the method trains the
            streams separately.
        data (str, optional): Name of the data set that the method was trained on. It is saved in
            the checkpoint. Evaluations use this data set if no other is named.

    Returns:
        dict: ``state_dict``, which the model of the method's config can load, and ``meta`` with the
        description of the encoders (:func:`mmcmd.io.encoders.describe`). If the file holds only
        encoders, ``state_dict`` also holds only these.

    Raises:
        InputError: If the method is not known, or a file is not a checkpoint of this method.
    """
    state: dict[str, Tensor] = {}
    epochs = [0]
    for stream, file in files.items():
        theirs, epoch = _read(method, file)
        epochs.append(epoch)
        state |= rename_authors_state(method, theirs, stream, str(file))
    names = ', '.join(map(str, files.values()))
    sizes = model_sizes(state)
    shown = OTHER_ENCODERS.get(sizes['backbone'].get('type'))
    cfg = load_config(
        configs_root() / method / f'{method}.py',
        data=data,
        encoder=shown or ENCODERS.get(method, 'stgcn_clr'),
        budget='paper',
        options={
            'data.num_person': PERSONS,  # as in the released trainings
            **{f'model.{name}': x for name, x in _dotted(sizes).items()},
        },
    )
    distilling = cfg.model.get('distill_head')
    if distilling:  # K is not in the checkpoint, and must not be larger than the queue
        distilling.topk = min(distilling.topk, cfg.model.queue.size)
    with torch.device('meta'):  # only the shapes are needed
        model = MODELS.build(cfg.model)
    state = drop_unused_prompts(state, model.state_dict())
    expected = model.state_dict()
    if all(name.startswith(PREFIX) for name in state):
        # The file holds only encoders, like the file of MS2L.
        expected = {x: y for x, y in expected.items() if x.startswith(PREFIX)}
    check_architecture(expected, state, names)
    if data is None:
        cfg.pop('data')
    meta = {'epoch': max(epochs), 'iter': 0, **describe(model, cfg)}
    return {'meta': meta, 'state_dict': state}


def _dotted(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a model and of its parts under names such as ``neck.out_channels``."""
    dotted = {}
    for name, value in sizes.items():
        parts = value if isinstance(value, Mapping) else {'': value}
        dotted |= {f'{name}.{key}'.removesuffix('.'): x for key, x in parts.items()}
    return dotted


def _read(method: str, file: str | Path) -> tuple[dict[str, Tensor], int]:
    """Return the state in a released file, and its epoch (0 if the file has none)."""
    if Path(file).suffix == '.safetensors':  # published weights of SLiM
        if not Path(file).is_file():
            raise InputError(not_a_file(file, 'checkpoint'))
        checkpoint: Mapping[str, Any] = load_tensors(Path(file))
    else:
        checkpoint = load_plain(str(file), map_location='cpu')
    epoch = checkpoint.get('epoch', 0)
    state = authors_tensors(method, checkpoint, str(file))
    return state, epoch if isinstance(epoch, int) else 0


def write_converted(
    method: str, files: Mapping[str, str | Path], out: Path, data: str | None = None
) -> str:
    """Convert checkpoints with :func:`convert_authors`, and write the result.

    Args:
        method (str): See :func:`convert_authors`.
        files (Mapping[str, str | Path]): See :func:`convert_authors`.
        out (Path): File to write.
        data (str, optional): See :func:`convert_authors`.

    Returns:
        str: Summary of the checkpoint in one line.

    Raises:
        InputError: If the method is not known, or a file is not a checkpoint of this method.
    """
    checkpoint = convert_authors(method, files, data)
    with replace_file(out) as file:
        torch.save(checkpoint, file)
    streams = ', '.join(checkpoint['meta']['encoder']['streams'])
    return (
        f'{out}: {len(checkpoint["state_dict"])} tensors, epoch {checkpoint["meta"]["epoch"]}, '
        f'streams {streams}'
    )

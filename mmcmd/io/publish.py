"""Write checkpoints for other users: the encoders, and everything that is needed to use them.

A published checkpoint is a file of ``torch.save`` with its hash in the name, or a folder
(:mod:`mmcmd.io.hub`).
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import ENCODERS
from mmcmd.io.files import replace_file
from mmcmd.skeletons import get_layout

_META = ('epoch', 'iter', 'seed')  # other entries name the author's machine and folders
CLASSIFIER = 'SkeletonClassifier'


def published(checkpoint: Mapping[str, Any], source: str, keep_all: bool = False) -> dict:
    """Return the part of a checkpoint that is published.

    The optimiser, the schedule and the log are left out. The encoders of all streams and their
    description are kept. With ``keep_all``, all other weights are also kept. All weights of a
    classifier are kept.

    Args:
        checkpoint (Mapping): Checkpoint of a run, or only the ``state_dict`` of one.
        source (str): Name of the file in the message.
        keep_all (bool): Keep projections, key encoders, queues and heads. Defaults to False.

    Returns:
        dict: ``meta`` with numbers of the training and the description of the encoders, and
        ``state_dict``. The description also holds the names of the ``classes`` and all fields of
        the joint layout, because a later version may define the layout of this name differently.

    Raises:
        InputError: If the file holds no weights.
    """
    state = checkpoint.get('state_dict', checkpoint)
    is_state = isinstance(state, Mapping) and state
    if not is_state or not all(isinstance(x, torch.Tensor) for x in state.values()):
        raise InputError(
            f'{source} has no state_dict of tensors: it is not a checkpoint of a model'
        )
    meta = checkpoint.get('meta') if 'state_dict' in checkpoint else None
    meta = meta if isinstance(meta, Mapping) else {}
    # A pre-training has parts that only training needs; a classifier has none.
    description = meta.get('encoder') or {}
    method = description.get('method')
    keep_all = keep_all or method == CLASSIFIER or any(x.startswith('heads.') for x in state)
    names = [name for name in state if keep_all or name.startswith(ENCODERS)] or list(state)
    return {
        'meta': {
            **{name: int(meta[name]) for name in _META if isinstance(meta.get(name), int)},
            **_described(description, meta.get('dataset_meta') or {}),
        },
        # A clone has its own storage. For a view, torch would save the whole tensor that it is a
        # part of.
        'state_dict': {name: state[name].detach().cpu().contiguous().clone() for name in names},
    }


def _described(description: Mapping[str, Any], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of ``meta`` that describe the encoders and their data."""
    if not description:
        return {}
    layout = get_layout(description['layout'], files=False)
    encoder = {**description, 'layout': layout.to_dict()}
    if classes := dataset.get('classes'):
        encoder.setdefault('classes', list(classes))
    facts = {'synthetic': True} if dataset.get('synthetic') else {}
    return {'layout': layout.name, 'encoder': encoder, **facts}


def write_published(checkpoint: dict, out: Path) -> Path:
    """Write a checkpoint under a name that ends in the first 8 digits of its SHA-256.

    The same tensors give the same bytes and therefore the same name (with one version of torch).
    ``torch.hub`` can use the name to check a download.

    Args:
        checkpoint (dict): Result of :func:`published`.
        out (Path): ``cmd.pth`` becomes ``cmd-1a2b3c4d.pth``.

    Returns:
        Path: The file that was written.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()[:8]
    stem = out.name.removesuffix('.pth')
    path = out.with_name(f'{stem}-{digest}.pth')
    with replace_file(path) as file:
        file.write(buffer.getbuffer())
    return path

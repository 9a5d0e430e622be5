"""Write checkpoints for other users: the encoders, and all that is needed to use them.

They become a file of ``torch.save`` that is named by its content, or a folder
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
    description are kept. With ``keep_all``, all other weights are kept too. A classifier is kept
    whole.

    Args:
        checkpoint (Mapping): Checkpoint of a run, or a bare state.
        source (str): Name of the file in the message.
        keep_all (bool): Keep projections, key encoders, queues and heads. Defaults to False.

    Returns:
        dict: ``meta`` with numbers of the training and the description of the encoders, and
        ``state_dict``. The description holds all fields of the joint layout, because a later
        version may define the layout of this name differently, and the names of the ``classes``.

    Raises:
        InputError: If there are no weights.
    """
    state = checkpoint.get('state_dict', checkpoint)
    is_state = isinstance(state, Mapping) and state
    if not is_state or not all(isinstance(x, torch.Tensor) for x in state.values()):
        raise InputError(f'{source} has no state_dict of tensors: it is no checkpoint of a model')
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
        # A clone has its own storage. A view would be saved together with the whole tensor behind
        # it.
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

    The same tensors give the same bytes, hence the same name (with one version of torch), and
    ``torch.hub`` can check a download by the name.

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

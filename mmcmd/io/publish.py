"""Write checkpoints for other users: plain tensors, in a file that is named by its content.

The files are those of ``torch.save``. safetensors was tried: it loads 176 MB in 0.02 s, and torch
loads them in 0.25 s. But mmengine reads ``.pth`` only, so safetensors would add a second way to
load a checkpoint and remove no code.
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

_META = ('epoch', 'iter', 'seed')  # other entries name the author's machine and folders
_DESCRIPTION = ('layout', 'encoder')
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
        ``state_dict``.

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
    method = (meta.get('encoder') or {}).get('method')
    keep_all = keep_all or method == CLASSIFIER or any(x.startswith('heads.') for x in state)
    names = [name for name in state if keep_all or name.startswith(ENCODERS)] or list(state)
    return {
        'meta': {
            **{name: int(meta[name]) for name in _META if isinstance(meta.get(name), int)},
            **{name: meta[name] for name in _DESCRIPTION if name in meta},
        },
        # A clone has its own storage. A view would be saved together with the whole tensor behind
        # it.
        'state_dict': {name: state[name].detach().cpu().contiguous().clone() for name in names},
    }


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

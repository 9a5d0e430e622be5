"""Read checkpoints, and the encoders in them, without running code that they contain."""

import hashlib
import pickle
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from mmengine.dist import barrier, get_rank
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmcmd.arguments import TRUST_FLAG
from mmcmd.errors import InputError, not_a_file
from mmcmd.io.checkpoint_files import STARTS, check_plain
from mmcmd.io.descriptions import check_description
from mmcmd.io.hub import download, is_hub_id, load_folder
from mmcmd.io.legacy import upgrade
from mmcmd.io.safe_pickle import MoreThanData
from mmcmd.skeletons import LAYOUTS, Layout, get_layout

_trusted = False

ENCODERS = 'encoders.'
"""``encoders.{stream}.`` is the prefix of all weights that are used after pre-training."""
ENCODERS_ONLY = 'holds encoders only'
USES = (
    'evaluate them with mmcmd test configs/benchmarks/knn.py CHECKPOINT, or mmcmd train '
    'configs/benchmarks/linear.py --pretrained CHECKPOINT'
)
"""Advice for a user who has only encoders. Messages end with it."""


def trust_checkpoints() -> None:
    """Let this process load checkpoints that hold more than data. Such files can run code."""
    global _trusted
    _trusted = True


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_plain(filename: str, map_location: Any = None) -> dict:
    """Load a checkpoint that holds only tensors and plain containers.

    It replaces mmengine's loader for local files.

    Args:
        filename (str): Path of a file, path of a folder as ``publish_model.py`` writes it, or name
            of such a folder on the Hugging Face hub (:func:`mmcmd.io.hub.is_hub_id`).
        map_location (Any): Device, as in ``torch.load``.

    Returns:
        dict: Content of the checkpoint, with the tensor names of the current version.

    Raises:
        InputError: If the file is missing or damaged, holds more than data, or names a type that is
            not in the registries of mmcmd.
    """
    filename = str(filename)
    path = Path(filename).expanduser()
    if path.is_dir():
        checkpoint = load_folder(path, map_location)
    elif is_hub_id(filename):
        checkpoint = load_folder(download(filename), map_location)
    else:
        checkpoint = _load_file(filename, path, map_location)
    meta = checkpoint.get('meta')
    if isinstance(meta, Mapping) and 'encoder' in meta and not _trusted:
        check_description(meta['encoder'], filename)
    return checkpoint


def _load_file(filename: str, path: Path, map_location: Any) -> dict:
    """Load a checkpoint file."""
    if not path.is_file():
        raise InputError(not_a_file(path, 'checkpoint'))
    is_pickle = False
    try:
        with path.open('rb') as file:
            is_pickle = file.read(4).startswith(STARTS)
        if not _trusted:
            check_plain(path)
        with torch.serialization.safe_globals([Namespace]):  # options of a program are data
            checkpoint = torch.load(path, map_location=map_location, weights_only=not _trusted)
    except Exception as error:  # a damaged file can raise any error
        reason = ' '.join(str(error).split('\n')[0].split()) or type(error).__name__
        if isinstance(error, (MoreThanData, pickle.UnpicklingError)) and not _trusted:
            raise InputError(
                f'{filename} holds more than data and could run code when loaded; if you trust '
                f'where it comes from, add {TRUST_FLAG}'
            ) from None
        raise InputError(
            f'{filename} is not a readable checkpoint (damaged, or in another format)'
            + (f': {reason}' if is_pickle else '')
        ) from None
    if not isinstance(checkpoint, dict):
        raise InputError(
            f'{filename} holds a {type(checkpoint).__name__} and not a dict: it is not a checkpoint'
        )
    return upgrade(checkpoint)


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), force=True)
def load_plain_from_url(url: str, map_location: Any = None) -> dict:
    """Download a checkpoint to torch's hub folder, if it is not there yet, and load it.

    Args:
        url (str): Address of the file.
        map_location (Any): Device, as in ``torch.load``.

    Raises:
        InputError: If the file cannot be downloaded, or :func:`load_plain` cannot load it.
    """
    # Two addresses may end in the same name, such as epoch_450.pth.
    name = f'{hashlib.sha256(url.encode()).hexdigest()[:8]}-{Path(urlsplit(url).path).name}'
    path = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if get_rank() == 0 and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path))
        except OSError as error:
            raise InputError(f'{url} cannot be downloaded: {error}') from None
    barrier()
    return load_plain(str(path), map_location)


_PLAIN = {'', 'http://', 'https://'}


@CheckpointLoader.register_scheme(
    prefixes=sorted({*CheckpointLoader._schemes} - _PLAIN), force=True
)
def refuse_scheme(filename: str, map_location: Any = None) -> dict:
    """Refuse mmengine's other sources, because their loaders run code in a checkpoint."""
    raise InputError(f'{filename} cannot be loaded from there; download it and give its path')


def check_architecture(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], source: str
) -> None:
    """Check that a file has the same tensors as a module.

    Args:
        expected (Mapping[str, Tensor]): State of the module.
        found (Mapping[str, Tensor]): State in the file.
        source (str): Name of the file in the message.

    Raises:
        InputError: If a tensor is missing, or unexpected, or has another shape.
    """

    def shape(state: Mapping[str, Tensor], name: str) -> str:
        return f'{tuple(state[name].shape)}' if name in state else 'not there'

    every = {**expected, **found}
    wrong = [name for name in every if shape(expected, name) != shape(found, name)]
    only_lacking = bool(wrong) and not any(name in found for name in wrong)
    if only_lacking and all(name.startswith(ENCODERS) for name in found):
        raise InputError(f'{source} {ENCODERS_ONLY}, and this model also needs {wrong[0]}; {USES}')
    if wrong:
        raise InputError(
            f'{source} has another architecture than the config: {len(wrong)} of '
            f'{len(every)} tensors differ, {wrong[0]} is {shape(found, wrong[0])} in the file '
            f'and {shape(expected, wrong[0])} in the model; use the config that it was trained with'
        )


def needed(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the part of a model's state that a file must hold so that features can be computed.

    Args:
        expected (Mapping[str, Tensor]): State of the model.
        found (Mapping[str, Tensor]): State in the file.

    Returns:
        dict[str, Tensor]: The state of the encoders if the file holds only encoders, else the whole
        state.
    """
    only_encoders = all(name.startswith(ENCODERS) for name in found)
    return {k: x for k, x in expected.items() if not only_encoders or k.startswith(ENCODERS)}


def encoder_names(state: Mapping[str, Any]) -> list[str]:
    """List the streams whose encoders a state holds, in the order of the state."""
    names = (name.split('.') for name in state if name.startswith(ENCODERS))
    return list(dict.fromkeys(parts[1] for parts in names))


def keep_encoders(state: Mapping[str, Any], streams: Iterable[str]) -> dict[str, Any]:
    """Return the part of a state that holds the encoders of some streams."""
    prefixes = tuple(f'{ENCODERS}{stream}.' for stream in streams)
    return {name: x for name, x in state.items() if name.startswith(prefixes)}


def _check_layout(filename: str, meta: Mapping[str, Any], layout: Layout) -> None:
    """Check that a checkpoint was trained on a joint layout, if the checkpoint names its layout.

    Raises:
        InputError: If it was trained on another layout.
    """
    trained_on = (meta.get('encoder') or {}).get('layout', meta.get('layout', layout))
    if isinstance(trained_on, str) and trained_on not in LAYOUTS:  # from before version 0.2
        name, difference = trained_on, trained_on != layout.name and 'their names'
    else:
        trained_on = get_layout(trained_on, files=False)
        name, difference = trained_on.name, trained_on.difference(layout)
    if difference:
        raise InputError(
            f'{filename} was trained on the joints of layout {name!r}, but the data set has '
            f'those of {layout.name!r}, and they differ in {difference}; map the joints with '
            f'map_to={name!r} in the data set (docs/layouts.md)'
        )


def load_encoders(
    filename: str, encoders: Mapping[str, nn.Module], layout: Layout | None = None
) -> None:
    """Load the weights of encoders from a checkpoint.

    Args:
        filename (str): Checkpoint of any model with weights named ``encoders.{stream}.``.
        encoders (Mapping[str, nn.Module]): The encoder of each stream.
        layout (Layout, optional): Joint layout of the data.

    Raises:
        InputError: If the file has no encoder of a stream, or its encoder has another architecture
            or joint layout.
    """
    checkpoint = CheckpointLoader.load_checkpoint(filename, map_location='cpu')
    if layout is not None:
        _check_layout(filename, checkpoint.get('meta') or {}, layout)
    state = checkpoint.get('state_dict', checkpoint)
    streams = encoder_names(state)
    for stream, encoder in encoders.items():
        if stream not in streams:
            raise InputError(
                f'{filename} has no encoder for stream {stream!r}'
                + (
                    f', only for {", ".join(streams)}; set model.modalities=[{",".join(streams)}]'
                    if streams
                    else ': it is not a checkpoint of a model with encoders'
                )
            )
        prefix = f'{ENCODERS}{stream}.'
        found = {k.removeprefix(prefix): x for k, x in state.items() if k.startswith(prefix)}
        check_architecture(encoder.state_dict(), found, f'{filename} ({stream})')
        encoder.load_state_dict(found)

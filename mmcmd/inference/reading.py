"""Read recordings from files of any format that ``tools/data/convert.py`` reads."""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.converters.archives import map_array, open_archive
from mmcmd.datasets.converters.ntu import SampleName, read_skeleton, select_persons
from mmcmd.datasets.converters.own import JointsConverter
from mmcmd.datasets.converters.pyskl import PysklConverter
from mmcmd.datasets.converters.reading import attempt
from mmcmd.errors import InputError, did_you_mean
from mmcmd.inference.recordings import Recording, from_array
from mmcmd.inference.sources import PickleRecordings, RecordingList, to_recording
from mmcmd.io.safe_pickle import load_plain
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import Layout, get_layout
from mmcmd.terminal import NOTICE

FORMATS: dict[str, tuple[str, ...]] = {
    '.pkl': ('pickle', 'array'),
    '.pickle': ('pickle', 'array'),
    '.npy': ('array', 'agcn', 'npy'),
    '.npz': ('npz', 'ctrgcn', 'array'),
    '.csv': ('csv',),
    '.bvh': ('bvh', 'bandai2'),
    '.skeleton': ('ntu',),
    '.json': ('nwucla',),
    '.mat': ('utdmhad',),
    '.txt': ('msraction3d', 'utkinect', 'pkummd'),
}
"""Formats that are tried for a file of this ending, and for a folder that holds such files."""
_WHOLE_FILES = ('ctrgcn', 'npz', 'pyskl')
"""Formats whose converters take a file instead of a folder."""
_FOLDERS_ONLY = ('npy',)  # a single file is an array
_FILES_ONLY = ('pickle', 'array', *_WHOLE_FILES)
_REMEDY = 'name the format with fmt=NAME (--format NAME)'
_STARTS = {
    b'\x93NUMPY': '.npy',
    b'PK\x03\x04': '.npz',
    b'\x80': '.pkl',
    b'HIERARCHY': '.bvh',
    b'MATLAB': '.mat',
    b'{': '.json',
}
"""Maps the first bytes of a file to an ending, for files with another ending in their name."""
_LOOKED_AT = 20  # number of files that are used to guess the format of a folder


def read_file(
    path: str | os.PathLike,
    fmt: str | None = None,
    layout: Any = None,
    default_layout: Layout | None = None,
    split: str | None = None,
) -> RecordingList | PickleRecordings:
    """Read the recordings of a file, or of a folder of files.

    Args:
        path (str or PathLike): An annotation pickle, an array (``.npy``, ``.npz``), or a source of
            any format of ``tools/data/convert.py``. If the format consists of a folder of files, a
            single file of it can also be read.
        fmt (str, optional): ``'pickle'``, ``'array'`` or a format of ``convert.py``. By default the
            formats in :data:`FORMATS` are tried one after the other.
        layout (str | Mapping | Layout, optional): Joint layout, if the file does not store it.
        default_layout (Layout, optional): Layout for files that need one, if ``layout`` is not
            given.
        split (str, optional): Name of a split, if the file is a pickle.

    Raises:
        InputError: If there is no such file, or no format fits. The message says which formats were
            tried, and why each of them did not fit.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'{path} does not exist')
    if fmt is not None:
        known = ['pickle', 'array', *sorted(CONVERTERS.module_dict)]
        if fmt not in known:
            raise InputError(
                f'unknown format {fmt!r}{did_you_mean(fmt, known)}; formats are {", ".join(known)}'
            )
        return _read(fmt, path, layout, default_layout, split)
    kinds = [_kind(path)] if path.is_file() else _kinds_in(path)
    # A split that does not exist is no reason to try another format.
    if split is not None and path.is_file() and kinds[0] in ('.pkl', '.pickle'):
        return _read('pickle', path, layout, default_layout, split)
    reasons = []
    for candidate in dict.fromkeys(x for kind in kinds for x in FORMATS.get(kind, ())):
        if candidate in (_FILES_ONLY if path.is_dir() else _FOLDERS_ONLY):
            continue
        try:
            return _read(candidate, path, layout, default_layout, split)
        except InputError as error:
            reasons.append(f'{candidate} ({error})')
    if len(reasons) == 1:
        raise InputError(f'{path} cannot be read in the format {reasons[0]}')
    tried = f'these were tried: {"; ".join(reasons)}'
    if not reasons:
        tried = f'its name does not end in {", ".join(FORMATS)}, and its first bytes show no format'
    raise InputError(f'{path} has no known format; {tried}; {_REMEDY}')


def _kind(path: Path) -> str:
    """Return the ending in :data:`FORMATS` that the name or the first bytes of a file show."""
    if path.suffix.lower() in FORMATS:
        return path.suffix.lower()
    with path.open('rb') as file:
        start = file.read(16)
    return next((kind for bytes_, kind in _STARTS.items() if start.startswith(bytes_)), '')


def _kinds_in(folder: Path) -> list[str]:
    files = (path for path in sorted(folder.rglob('*')) if path.is_file())
    return [path.suffix.lower() for path in islice(files, _LOOKED_AT)]


def _read(
    fmt: str, path: Path, layout: Any, default: Layout | None, split: str | None
) -> RecordingList | PickleRecordings:
    """Read a source of one format.

    Raises:
        InputError: If it is not of this format.
    """
    if fmt == 'pickle':
        return PickleRecordings(path, split, layout)
    if split is not None:
        raise InputError(f'{path}: only a pickle has splits; remove split={split!r}')
    if fmt == 'array':
        return RecordingList(_read_arrays(path, layout))
    if fmt == 'ntu' and path.is_file():
        return RecordingList([_read_ntu(path)])
    return _convert(fmt, path, layout or default)


def _read_arrays(path: Path, layout: Any) -> Iterator[Recording]:
    """Read bare arrays of joints from an ``.npy``, ``.npz`` or pickle file."""
    if path.is_dir():
        raise InputError(f'{path} is a folder, expected a file of arrays')
    kind = _kind(path)
    if kind == '.npy':
        arrays: Any = {path.stem: np.array(map_array(path, 'fiu'))}
    elif kind == '.npz':
        with open_archive(path) as archive:
            arrays = {name: archive.load(name) for name in archive.names}
    else:
        try:
            with path.open('rb') as file:
                arrays = load_plain(file)
        except Exception as error:  # a damaged pickle can raise any error
            reason = ' '.join(str(error).split()) or type(error).__name__
            raise InputError(f'{path} is not a pickle of plain data: {reason}') from None
    if isinstance(arrays, np.ndarray):
        arrays = {path.stem: arrays}
    elif isinstance(arrays, (list, tuple)):
        arrays = {f'{path.stem}_{index:06}': x for index, x in enumerate(arrays)}
    is_dict = isinstance(arrays, dict) and arrays
    if not is_dict or not all(isinstance(x, np.ndarray) for x in arrays.values()):
        raise InputError(f'{path} holds no array, and no list of arrays')
    for name, array in arrays.items():
        yield from_array(array, str(name), layout)


def _read_ntu(path: Path) -> Recording:
    """Read a ``.skeleton`` file of any name."""
    try:
        keypoint = select_persons(read_skeleton(path))
    except (ValueError, OSError) as error:
        raise InputError(str(error)) from None
    if not len(keypoint):
        raise InputError(f'{path}: all joints of all bodies are zero (a missing skeleton)')
    name = SampleName.parse(path.stem)
    sample = {'frame_dir': path.stem, 'keypoint': keypoint}
    if name is not None:
        sample |= {**name._asdict(), 'label': name.action - 1}
    return to_recording(sample, get_layout('ntu'), False)


def _convert(fmt: str, path: Path, layout: Layout | str | None) -> RecordingList:
    """Read a source with its converter. A single file is put into a temporary folder by a link."""
    cls: Callable[..., Any] = CONVERTERS.module_dict[fmt]
    takes_layout = issubclass(cls, (JointsConverter, PysklConverter))
    if takes_layout and layout is not None and not isinstance(layout, (str, os.PathLike)):
        layout = get_layout(layout)
    converter = cls(layout=layout) if takes_layout else cls()
    with TemporaryDirectory(prefix='reading.') as folder:
        source = path
        if path.is_file() and fmt not in _WHOLE_FILES:
            source = Path(folder)
            kind = '' if path.suffix.lower() in FORMATS else _kind(path)
            (source / f'{path.name}{kind}').symlink_to(path.resolve())
        try:
            items = converter.scan(source)
        except InputError as error:
            raise InputError(str(error).replace(folder, str(path.parent))) from None
        outcomes = [attempt(converter, False, item) for item in items]
    samples = [x for _, x in outcomes if isinstance(x, dict)]
    errors = [
        str(x).replace(folder, str(path.parent)) for _, x in outcomes if isinstance(x, Exception)
    ]
    if not samples:
        raise InputError(errors[0] if errors else f'{path} holds no recording')
    if errors:
        print_log(
            f'{path}: {len(errors)} of {len(outcomes)} recordings are left out; the first error: '
            f'{errors[0]}',
            'current',
            NOTICE,
        )
    facts = converter.facts()
    joints = get_layout(facts['layout'], files=False)
    normalized = bool(facts.get('normalized'))
    recordings = (to_recording(x, joints, normalized) for x in samples)
    return RecordingList(recordings, facts.get('classes') or ())

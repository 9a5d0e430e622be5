"""Read the padded, normalised arrays of the 2s-AGCN family (2s-AGCN, MS-G3D, CMD and others)."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmcmd.datasets.converters.archives import map_array
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.ntu import MAX_FRAMES, TRAINS, SampleName
from mmcmd.datasets.converters.options import SPLITS, name_split
from mmcmd.errors import InputError
from mmcmd.io.safe_pickle import load_plain
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import NTU

HALVES = ('train', 'val')


class Row(NamedTuple):
    """One sequence of an array."""

    array: Path
    index: int
    num_frames: int
    half: str
    frame_dir: str
    label: int


@CONVERTERS.register_module('agcn')
class AGCNConverter(Converter):
    """2s-AGCN, MS-G3D, CMD: a folder of ``train_data_joint.npy``, ``train_label.pkl`` and so on.

    The folder also holds ``val_data_joint.npy`` and ``val_label.pkl``, and perhaps
    ``train_num_frame.npy`` and ``val_num_frame.npy``. The joints ``(N, 3, T, 25, 2)`` are
    normalised already, so the pickle is marked ``normalized`` and
    :class:`mmcmd.datasets.transforms.NormalizeSkeleton` does not change them. ``num_frame`` gives
    the number of frames of each sequence. Without it, a sequence ends with its last frame that is
    not zero. The program of 2s-AGCN repeats each sequence until it has 300 frames; such a sequence
    keeps all 300.

    Args:
        split (str, optional): Name of the split that the two halves form, such as ``xsub`` for
            ``xsub_train`` and ``xsub_val``. Defaults to the name of the folder, which must be
            ``xsub``, ``xview``, ``xset`` or ``xsetup``. The last is CMD's name for ``xset``.

    Raises:
        InputError: If there is no split with this name.
    """

    layout = NTU.name
    counted = ('label', 'subject', 'camera', 'setup')

    def __init__(self, split: str | None = None) -> None:
        self.split = split and name_split(split)

    def facts(self) -> dict[str, Any]:
        """Return the mark that the coordinates are normalised."""
        return super().facts() | {'normalized': True}

    def scan(self, source: Path) -> list[Item]:
        """List the sequences of both halves."""
        if not source.is_dir():
            raise InputError(f'{source} is a file, expected a folder of train_data_joint.npy etc.')
        if self.split is None:
            folder = source.resolve().name
            if folder not in SPLITS:
                raise InputError(
                    f'the name of {source} is not one of the splits {", ".join(SPLITS)}: '
                    'say which split it is, for example --split xsub'
                )
            self.split = SPLITS[folder]
        rows = [row for half in HALVES for row in _scan_half(source, half)]
        _check_split(source, self.split, rows)
        return [Item(f'{row.array}: {row.frame_dir}', row) for row in rows]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one sequence. The other sequences of the array are not loaded."""
        row: Row = item.content
        if row.num_frames < 1:
            raise ValueError(f'{item.name}: num_frame is {row.num_frames}, expected at least 1')
        if row.label < 0:
            raise ValueError(f'{item.name}: label {row.label}, expected >= 0')
        array = map_array(row.array, 'f')
        with np.errstate(over='ignore'):
            keypoint = np.array(array[row.index, :, : row.num_frames], np.float32)
        if not np.isfinite(keypoint).all():
            raise ValueError(f'{item.name}: a coordinate is NaN or infinite')
        seen, present = keypoint.any(axis=(0, 2, 3)), keypoint.any(axis=(0, 1, 2))
        if not seen.any():
            raise ValueError(f'{item.name}: all zero (a missing skeleton)')
        num_frames = len(seen) - int(seen[::-1].argmax())
        keypoint = np.ascontiguousarray(keypoint[:, :num_frames, :, present].transpose(3, 1, 2, 0))
        name = SampleName.parse(row.frame_dir)
        return dict(
            frame_dir=row.frame_dir,
            label=row.label,
            keypoint=keypoint,
            total_frames=num_frames,
            half=row.half,
            **(name._asdict() if name else {}),
        )

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the two halves of the source as training and validation split."""
        return self.halves(self.split, annotations, lambda a: a['half'] == 'train')


def _check_split(source: Path, split: str, rows: list[Row]) -> None:
    """Compare the split with the subject, camera and setup in the names of NTU's samples."""
    names = [SampleName.parse(row.frame_dir) for row in rows]
    if not all(names):
        return
    halves = [row.half == 'train' for row in rows]
    fits = [
        kind
        for kind, trains in TRAINS.items()
        if [trains(name._asdict()) for name in names] == halves
    ]
    if fits and split not in fits:
        raise InputError(
            f'{source}: the names of its samples are split as {fits[0]}, not as {split}: '
            f'give --split {fits[0]}'
        )


def _scan_half(source: Path, half: str) -> list[Row]:
    path = source / f'{half}_data_joint.npy'
    shape = map_array(path, 'f').shape
    if len(shape) != 5 or shape[1] != 3 or shape[3] != NTU.num_joints or not shape[2] * shape[4]:
        raise InputError(f'{path}: expected shape (N, 3, T, {NTU.num_joints}, 2), got {shape}')
    names, labels = _read_labels(source / f'{half}_label.pkl')
    lengths = np.full(shape[0], shape[2])
    counts = source / f'{half}_num_frame.npy'
    if counts.is_file():
        given = map_array(counts, 'iuf')
        if given.shape != shape[:1]:
            raise InputError(f'{counts}: expected shape ({shape[0]},), got {given.shape}')
        if not np.array_equal(given, np.floor(given)):  # NaN is not
            raise InputError(f'{counts}: numbers of frames must be integers')
        lengths = np.clip(given, 0, shape[2]).astype(np.int64)
    if not len(names) == len(labels) == shape[0]:
        raise InputError(
            f'{path} has {shape[0]} sequences, but {half}_label.pkl {len(names)} names and '
            f'{len(labels)} labels'
        )
    return [
        Row(path, index, min(int(length), MAX_FRAMES), half, name.removesuffix('.skeleton'), label)
        for index, (length, name, label) in enumerate(zip(lengths, names, labels, strict=True))
    ]


def _read_labels(path: Path) -> tuple[list[str], list[int]]:
    """Read names and labels. This never runs code from the file."""
    if not path.is_file():
        raise InputError(f'there is no {path}')
    try:
        with path.open('rb') as file:
            names, labels = load_plain(file)
    except Exception as error:  # a damaged pickle may cause an error of any type
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(f'{path} does not hold two lists, names and labels: {reason}') from None
    names, labels = (x.tolist() if isinstance(x, np.ndarray) else x for x in (names, labels))
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise InputError(f'{path}: its first part is not a list of names')
    if not isinstance(labels, (list, tuple)) or not all(map(_is_integer, labels)):
        raise InputError(f'{path}: its second part is not a list of integers, the labels')
    return list(names), [int(label) for label in labels]


def _is_integer(value: Any) -> bool:
    # CMD's script for PKU-MMD writes labels as whole floats.
    if isinstance(value, (float, np.floating)):
        return float(value).is_integer()
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)

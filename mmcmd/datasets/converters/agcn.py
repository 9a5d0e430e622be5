"""The padded arrays of the 2s-AGCN family (2s-AGCN, MS-G3D, CMD and others), normalised already."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmcmd.datasets.converters.archives import map_array
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.ntu import MAX_FRAMES, SampleName
from mmcmd.datasets.converters.options import check_split
from mmcmd.errors import InputError
from mmcmd.io.safe_pickle import load_plain
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import NTU

HALVES = ('train', 'val')
SPLITS = ('xsub', 'xview', 'xset')


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

    There are the same of ``val``, and perhaps ``train_num_frame.npy``. The joints
    ``(N, 3, T, 25, 2)`` are normalised already, so the pickle is marked ``normalized`` and
    :class:`mmcmd.datasets.transforms.NormalizeSkeleton` leaves them alone. A sequence lasts as
    long as ``num_frame`` says, or else until its last frame that is not zero; 2s-AGCN itself loops
    a sequence to 300 frames, which then stay 300.

    Args:
        split (str, optional): What the two halves are, ``xsub`` for ``xsub_train`` and
            ``xsub_val``. Defaults to the name of the folder where that is ``xsub``, ``xview`` or
            ``xset``, and else to ``xsub``.
    """

    layout = NTU.name
    counted = ('label', 'subject', 'camera', 'setup')

    def __init__(self, split: str | None = None) -> None:
        self.split = check_split(split)

    def facts(self) -> dict[str, Any]:
        """Say that the coordinates are normalised."""
        return super().facts() | {'normalized': True}

    def scan(self, source: Path) -> list[Item]:
        """List the sequences of both halves."""
        if not source.is_dir():
            raise InputError(f'{source} is a file, expected a folder of train_data_joint.npy etc.')
        if self.split is None:
            self.split = source.name if source.name in SPLITS else 'xsub'
        return [
            Item(f'{row.array}: {row.frame_dir}', row)
            for half in HALVES
            for row in _scan_half(source, half)
        ]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one sequence; the rest of the array stays on the disk."""
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
        """Keep the two halves as they were."""
        return self.halves(self.split, annotations, lambda a: a['half'] == 'train')


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
    """Read names and labels without running anything in the file."""
    if not path.is_file():
        raise InputError(f'there is no {path}')
    try:
        with path.open('rb') as file:
            names, labels = load_plain(file)
    except Exception as error:  # of any kind, from a damaged pickle
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(f'{path} does not hold two lists, names and labels: {reason}') from None
    names, labels = (x.tolist() if isinstance(x, np.ndarray) else x for x in (names, labels))
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise InputError(f'{path}: its first part is not a list of names')
    if not isinstance(labels, (list, tuple)) or not all(map(_is_integer, labels)):
        raise InputError(f'{path}: its second part is not a list of integers, the labels')
    return list(names), [int(label) for label in labels]


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)

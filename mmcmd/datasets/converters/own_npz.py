"""Read your own data with any joints from an ``.npz`` file; see docs/bring_your_own_data.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.archives import Archive, open_archive
from mmcmd.datasets.converters.base import Item
from mmcmd.datasets.converters.confidence import ThirdNumber
from mmcmd.datasets.converters.own import JointsConverter
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import get_layout

_KINDS = dict(total_frames='iu', label='iuU', frame_dir='iuU', split='U', subject='iuU')


@CONVERTERS.register_module('npz')
class NpzConverter(JointsConverter):
    """Your own data with any joints, as one archive.

    The archive holds ``keypoint`` ``(sum of T, V, C)`` or ``(sum of T, M, V, C)``, one sequence
    after the other. C is 3 (metres, or x, y and a confidence in an image) or 2 (an image). Each
    sequence has an entry in ``total_frames``, and perhaps in ``label`` (numbers or names; -1 and ''
    mean no label), ``frame_dir`` (the name of the sequence), ``split`` and ``subject``. Optional
    arrays are ``keypoint_score`` ``(sum of T, V)`` or ``(sum of T, M, V)`` with confidences, the
    number ``dimensions`` with the meaning of the option, and ``parents``, which must be equal to
    those of the layout; -1 is a root.
    """

    def scan(self, source: Path) -> list[Item]:
        """Load the archive and cut it into sequences."""
        with open_archive(source) as archive:
            per_sequence = dict(self._per_sequence(archive))
            keypoint = self._keypoint(archive)
            scores = self._scores(archive, keypoint.shape[:-1])
            self._read_dimensions(archive)
        frames = per_sequence.pop('total_frames')
        if (frames < 0).any() or sum(frames.tolist()) != len(keypoint):
            raise InputError(
                f'{source}: total_frames add up to {sum(frames.tolist())}, keypoint has '
                f'{len(keypoint)} frames'
            )
        names = per_sequence.pop('frame_dir', None)
        names = [f'{index:06}' for index in range(len(frames))] if names is None else names.tolist()
        said = [{'frame_dir': str(name)} for name in names]
        for key, values in per_sequence.items():
            for sample, value in zip(said, values.tolist(), strict=True):
                sample[key] = value
        self.consult_table(said)
        self.number_labels(said)
        ends = np.cumsum(frames)
        cuts = [slice(end - length, end) for end, length in zip(ends, frames, strict=True)]
        return [
            Item(
                f'{source}: {sample["frame_dir"]}',
                (sample, keypoint[cut], None if scores is None else scores[cut]),
            )
            for sample, cut in zip(said, cuts, strict=True)
        ]

    def read(self, item: Item) -> dict[str, Any]:
        """Check one sequence."""
        said, keypoint, scores = item.content
        return self.annotation(Item(item.name, said), keypoint, scores)

    def _per_sequence(self, archive: Archive) -> Iterator[tuple[str, np.ndarray]]:
        """Load the arrays with one entry for each sequence, and check them."""
        shape = archive.header('total_frames')[0]
        for key, kind in _KINDS.items():
            if key not in archive and key != 'total_frames':
                continue
            found, dtype = archive.header(key)
            if found != shape or len(shape) != 1 or dtype.kind not in kind:
                expected = {'iu': 'integers', 'U': 'text'}.get(kind, 'integers or text')
                raise InputError(
                    f'{archive.path}: {key} must be {expected} of shape (N,) as total_frames, '
                    f'got {dtype} {found}'
                )
            yield key, archive.load(key)

    def _keypoint(self, archive: Archive) -> np.ndarray:
        """Load the joints ``(sum of T, M, V, C)``."""
        shape, dtype = archive.header('keypoint')
        joints = self.num_joints
        fits = len(shape) in (3, 4) and shape[-2] == joints and shape[-1] in (2, 3)
        if not fits or dtype.kind not in 'fiu':
            raise InputError(
                f'{archive.path}: keypoint must be numbers (sum of T, {joints}, 3 or 2) or '
                f'(sum of T, persons, {joints}, 3 or 2), got {dtype} {shape}'
            )
        if 'parents' in archive:
            parents = archive.load('parents')
            if parents.dtype.kind == 'i':
                roots = np.arange(parents.size).reshape(parents.shape)
                parents = np.where(parents < 0, roots, parents)
            if parents.tolist() != list(get_layout(self.layout).parents):
                raise InputError(f'{archive.path}: parents differ from those of the layout')
        keypoint = archive.load('keypoint')
        return keypoint[:, None] if keypoint.ndim == 3 else keypoint

    def _scores(self, archive: Archive, expected: tuple[int, ...]) -> np.ndarray | None:
        """Load the confidences ``(sum of T, M, V)``, if there are any."""
        if 'keypoint_score' not in archive:
            return None
        shape, dtype = archive.header('keypoint_score')
        if shape not in (expected, (expected[0], *expected[2:])) or dtype.kind not in 'fiu':
            raise InputError(
                f'{archive.path}: keypoint_score must be numbers of the shape of keypoint without '
                f'its last axis, got {dtype} {shape}'
            )
        return archive.load('keypoint_score').reshape(expected)

    def _read_dimensions(self, archive: Archive) -> None:
        """Take the number of dimensions from the archive if the option is not given."""
        if self.third.dimensions is None and 'dimensions' in archive:
            value = archive.load('dimensions')
            if value.size != 1 or value.dtype.kind not in 'iu' or value.item() not in (2, 3):
                raise InputError(f'{archive.path}: dimensions must be the number 2 or 3')
            self.third = ThirdNumber(value.item())

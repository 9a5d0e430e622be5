"""Bandai-Namco-Research-Motiondataset-2, as an ``.npz`` of joint positions."""

from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.archives import open_archive
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import BANDAI2

TEST_STYLES = frozenset(('elderly', 'youthful'))


@CONVERTERS.register_module('bandai2')
class Bandai2Converter(Converter):
    """Actions of daily life in seven styles (https://arxiv.org/abs/2306.08861).

    The source holds ``keypoint`` ``(sum of T, 21, 3)`` in metres, one sequence after the other, and
    per sequence ``total_frames``, ``label``, ``style`` and ``frame_dir``; further ``style_names``
    and ``parents`` (-1 is the root). Actors are not known, so the split is by style.
    """

    layout = BANDAI2.name
    counted = ('label', 'style')

    def scan(self, source: Path) -> list[Item]:
        """Open the archive and cut it into sequences."""
        arrays = _load(source)
        ends = np.cumsum(arrays['total_frames'])
        return [
            Item(
                str(name),
                dict(
                    frame_dir=str(name),
                    label=int(label),
                    style=int(style),
                    style_name=str(arrays['style_names'][style]),
                    keypoint=arrays['keypoint'][end - length : end],
                ),
            )
            for name, label, style, end, length in zip(
                *(arrays[key] for key in ('frame_dir', 'label', 'style')),
                ends,
                arrays['total_frames'],
                strict=True,
            )
        ]

    def read(self, item: Item) -> dict[str, Any]:
        """Check one sequence."""
        keypoint = item.content['keypoint'][None].astype(np.float32)
        if not keypoint.shape[1]:
            raise ValueError(f'{item.name}: has no frames')
        if not np.isfinite(keypoint).all():
            raise ValueError(f'{item.name}: a coordinate is NaN or infinite')
        if item.content['label'] < 0:
            raise ValueError(f'{item.name}: label {item.content["label"]}, expected >= 0')
        return {**item.content, 'keypoint': keypoint, 'total_frames': keypoint.shape[1]}

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Cross-style: two styles are kept for the test."""
        return self.halves('xstyle', annotations, lambda a: a['style_name'] not in TEST_STYLES)


def _load(source: Path) -> dict[str, np.ndarray]:
    """Load and check the archive as a whole."""
    per_sequence = ('total_frames', 'label', 'style', 'frame_dir')
    joints = BANDAI2.num_joints
    with open_archive(source) as archive:
        shape, dtype = archive.header('keypoint')
        if dtype.kind != 'f' or len(shape) != 3 or shape[1:] != (joints, 3):
            raise InputError(
                f'{source}: keypoint must be floats (sum of T, {joints}, 3), got {dtype} {shape}'
            )
        headers = {key: archive.header(key) for key in per_sequence}
        if len({shape for shape, _ in headers.values()}) > 1 or len(headers['label'][0]) != 1:
            raise InputError(f'{source}: {", ".join(per_sequence)} must be equally many')
        if any(headers[key][1].kind not in 'iu' for key in ('total_frames', 'label', 'style')):
            raise InputError(f'{source}: total_frames, label and style must be integers')
        shape, dtype = archive.header('style_names')
        if len(shape) != 1 or dtype.kind != 'U':
            raise InputError(f'{source}: style_names must be text (styles,), got {dtype} {shape}')
        names = (*per_sequence, 'keypoint', 'style_names', 'parents')
        arrays = {key: archive.load(key) for key in names}

    frames, style, parents = (arrays[key] for key in ('total_frames', 'style', 'parents'))
    total = sum(frames.tolist())
    if (frames < 0).any() or total != len(arrays['keypoint']):
        raise InputError(
            f'{source}: total_frames add up to {total}, keypoint has '
            f'{len(arrays["keypoint"])} frames'
        )
    if style.size and not 0 <= style.min() <= style.max() < arrays['style_names'].size:
        raise InputError(f'{source}: a style has no name in style_names')
    if parents.dtype.kind == 'i':
        parents = np.where(parents < 0, np.arange(parents.size).reshape(parents.shape), parents)
    if parents.tolist() != list(BANDAI2.parents):
        raise InputError(f'{source}: parents differ from those of the layout {BANDAI2.name!r}')
    return arrays

"""Bandai-Namco-Research-Motiondataset-2, as an ``.npz`` of joint positions."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.layouts import BANDAI2
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS

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
    try:
        with np.load(source, allow_pickle=False) as archive:
            arrays = {
                key: archive[key] for key in (*per_sequence, 'keypoint', 'style_names', 'parents')
            }
    except KeyError as error:
        raise InputError(f'{source}: {error.args[0]}') from None
    except (
        *(AttributeError, EOFError, OSError, TypeError, ValueError),
        *(zipfile.BadZipFile, zlib.error, NotImplementedError),
    ):
        raise InputError(f'{source} is not an .npz file of plain arrays') from None

    keypoint, frames, style = (arrays[key] for key in ('keypoint', 'total_frames', 'style'))
    joints = BANDAI2.num_joints
    if keypoint.dtype.kind != 'f' or keypoint.ndim != 3 or keypoint.shape[1:] != (joints, 3):
        raise InputError(
            f'{source}: keypoint must be floats (sum of T, {joints}, 3), '
            f'got {keypoint.dtype} {keypoint.shape}'
        )
    if any(arrays[key].shape != (len(arrays['frame_dir']),) for key in per_sequence):
        raise InputError(f'{source}: {", ".join(per_sequence)} must be equally many')
    if any(arrays[key].dtype.kind not in 'iu' for key in ('total_frames', 'label', 'style')):
        raise InputError(f'{source}: total_frames, label and style must be integers')
    if (frames < 0).any() or frames.sum() != len(keypoint):
        raise InputError(
            f'{source}: total_frames add up to {frames.sum()}, keypoint has {len(keypoint)} frames'
        )
    if style.size and not 0 <= style.min() <= style.max() < arrays['style_names'].size:
        raise InputError(f'{source}: a style has no name in style_names')
    parents = np.where(arrays['parents'] < 0, np.arange(arrays['parents'].size), arrays['parents'])
    if parents.tolist() != list(BANDAI2.parents):
        raise InputError(f'{source}: parents differ from those of the layout {BANDAI2.name!r}')
    return arrays

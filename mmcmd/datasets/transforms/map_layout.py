"""Convert the joints of one layout to those of another, so that an encoder fits another sensor."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.normalize import smallest_rotation
from mmcmd.datasets.transforms.spatial import multiply_coordinates
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import Layout, get_layout, take_point
from mmcmd.skeletons.layout_map import LayoutMap, make_layout_map


def map_layout(keypoint: np.ndarray, layout_map: LayoutMap) -> np.ndarray:
    """Convert the joints of a sequence to those of another layout.

    A later pre-normalisation turns the shoulders of the target to +x the shortest way, so they must
    not point to -x. If the two sensors have opposite directions, the sequence is turned by 180
    degrees about the first person's spine in the first frame. If the source layout does not define
    the direction of its shoulders, this is decided for each sequence.

    Args:
        keypoint (np.ndarray): Raw coordinates, shape (M, T, V of the source, C).
        layout_map (LayoutMap): See :func:`mmcmd.skeletons.layout_map.make_layout_map`.

    Returns:
        np.ndarray: float32, shape (M, T, V of the target, C), in the unit of the input.

    Raises:
        InputError: If the joints have no z, but the target layout turns bodies upright.
    """
    mapped, target = layout_map(keypoint), layout_map.target
    if target.spine is None:
        return mapped
    if mapped.shape[-1] != 3:
        raise InputError(
            f'joints with {mapped.shape[-1]} coordinates cannot be those of layout '
            f'{target.name!r}, which turns bodies upright in space; map them to a layout without '
            '`spine` and `shoulders`'
        )
    seen = mapped[0].any(axis=(1, 2))
    reverses = layout_map.reverses_shoulders
    if reverses is False or not seen.any():
        return mapped
    pose = mapped[0, seen.argmax()].astype(np.float64)
    if reverses is None and not _points_back(pose, target):
        return mapped
    return multiply_coordinates(mapped, _half_turn(pose, target).astype(np.float32))


def _half_turn(pose: np.ndarray, layout: Layout) -> np.ndarray:
    """Return the matrix (3, 3) of a rotation by 180 degrees about the spine. It is symmetric."""
    bottom, top = (take_point(pose, point) for point in layout.spine)
    axis = (top - bottom) / max(np.linalg.norm(top - bottom), np.finfo(float).tiny)
    return 2 * np.outer(axis, axis) - np.eye(3)


def _points_back(pose: np.ndarray, layout: Layout) -> bool:
    """Return whether the shoulders of an upright body point to -x more than to +x."""
    bottom, top, first, second = (
        take_point(pose, point) for point in (*layout.spine, *layout.shoulders)
    )
    upright = smallest_rotation(top - bottom, np.array([0.0, 0.0, 1.0]))
    return (upright @ (second - first))[0] < 0


@TRANSFORMS.register_module()
class MapLayout(BaseTransform):
    """Convert the joints of a sample to those of another layout, see :func:`map_layout`.

    Put it first in a pipeline. ``SkeletonDataset(map_to=...)`` does the same before the pipeline.

    Required keys: ``keypoint`` (M, T, V, C), ``layout`` (see :func:`get_layout`). Optional keys:
    ``normalized``, ``frame_dir``. Modified keys: ``keypoint``, ``layout``.

    Args:
        layout (str | Mapping): The target layout, see :func:`get_layout`.
        joints (Mapping | str, optional): For some target joints, the source joint (or the list of
            joints) that replaces it, or ``'nearest'``. See :func:`make_layout_map`.

    Raises:
        InputError: If the target layout does not exist.
    """

    def __init__(
        self,
        layout: str | os.PathLike | Mapping[str, Any] | Layout,
        joints: Mapping[str, str | Sequence[str]] | str | None = None,
    ) -> None:
        self.layout = get_layout(layout)
        self.joints = joints
        self._maps: dict[Layout, LayoutMap] = {}

    def map_from(self, source: Layout) -> LayoutMap:
        """Return the map from a source layout to the target.

        Raises:
            InputError: If a joint of the target has no counterpart; the message names all such
                joints.
        """
        if source not in self._maps:
            self._maps[source] = make_layout_map(source, self.layout, self.joints)
        return self._maps[source]

    def transform(self, results: dict) -> dict:
        """Map ``results['keypoint']``.

        Raises:
            InputError: If a joint of the target has no counterpart (the message names all such
                joints), or the sample is normalised already.
        """
        source = get_layout(results['layout'])
        name = results.get('frame_dir', 'the sample')
        if results.get('normalized'):
            raise InputError(
                f'{name} is pre-normalised by the joints of layout {source.name!r}, and MapLayout '
                'needs raw coordinates; convert the file without --normalize'
            )
        try:
            results['keypoint'] = map_layout(results['keypoint'], self.map_from(source))
        except InputError as error:
            raise InputError(f'{name}: {error}') from None
        results['layout'] = self.layout
        return results

"""Preprocessing of SkeletonCLR, CrosSCLR and AimCLR, which normalises each person separately."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.datasets.transforms.recordings import check_raw, check_recording
from mmcmd.datasets.transforms.temporal import resize_frames
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import Layout, get_layout, take_point
from mmcmd.skeletons.field_values import Point


def count_valid_frames(keypoint: np.ndarray) -> int:
    """Count the frames in which the first joint of the first person is not at the origin.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
    """
    return int(keypoint[0, :, 0].any(axis=-1).sum())


def turn_persons(keypoint: np.ndarray, shoulders: tuple[Point, Point]) -> np.ndarray:
    """Turn each person about the y axis so that its shoulders lie along x in each frame.

    The size of the angle comes from each frame, but its sign comes from the whole sequence, as in
    the released code. If the sign of one frame differs from that of the sequence, this frame is
    turned in the wrong direction.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, 3), in metres; a person that is all zero stays zero.
        shoulders (tuple): First and second joint (or point) of the vector.

    Returns:
        np.ndarray: Shape (M, T, V, 3), same dtype.

    Raises:
        InputError: If joints do not have three coordinates.
    """
    if keypoint.shape[-1] != 3:
        raise InputError(
            f'persons are turned about the y axis of 3 coordinates, but their joints have '
            f'{keypoint.shape[-1]}; use a layout without shoulders'
        )
    first, second = (take_point(keypoint, point) for point in shoulders)
    width = second - first
    across, depth = width[..., 0], width[..., 2]  # (M, T)
    # Small angles amplify rounding, so float32 input stays float32, as in the released code.
    angle = np.arccos(across / (np.sqrt(across**2 + depth**2) + 1e-4))
    angle[depth.sum(axis=1) >= 0] *= -1
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    x, y, z = np.moveaxis(keypoint, -1, 0)
    return np.stack([cos * x - sin * z, y, sin * x + cos * z], axis=-1)


def normalize_persons(keypoint: np.ndarray, layout: Layout, num_frames: int) -> np.ndarray:
    """Centre, resize and turn each person of a sequence separately.

    With L valid frames (:func:`count_valid_frames`), the first L frames are used. In each frame,
    each person's own trunk joint is subtracted. Each person is resized to ``num_frames``, and
    then turned by :func:`turn_persons` if the layout has shoulders. The distance between persons
    is lost.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C); C is 3, in metres, if the layout has shoulders.
        layout (Layout): Gives the joints of trunk and shoulders.
        num_frames (int): Frames of the result.

    Returns:
        np.ndarray: float32, shape (M, num_frames, V, C), in the unit of the input.

    Raises:
        InputError: If no frame is valid, or the layout has shoulders and C is not 3.
    """
    length = count_valid_frames(keypoint)
    if not length:
        raise InputError(
            f'joint {layout.joints[0]!r} of the first person is at the origin in every frame, so '
            'NormalizePersons finds no valid frame; give raw coordinates or leave the sample out'
        )
    keypoint = keypoint[:, :length].astype(np.float32, copy=False)
    keypoint = keypoint - take_point(keypoint, layout.trunk)[:, :, None]
    keypoint = resize_frames(keypoint, num_frames)
    if layout.shoulders is None:
        return keypoint
    return turn_persons(keypoint, layout.shoulders)


@TRANSFORMS.register_module()
class NormalizePersons(BaseTransform):
    """Centre, resize and turn each person separately (data of SkeletonCLR, CrosSCLR and AimCLR).

    See :func:`normalize_persons`. The angles are computed on the resized frames, so this transform
    also resizes.

    Required keys: ``keypoint`` (M, T, V, C), ``layout`` (see :func:`get_layout`), and
    ``clip_len`` if ``num_frames`` is not given. Optional keys: ``normalized``, ``frame_dir``.
    Modified key: ``keypoint`` (M, num_frames, V, C).

    Args:
        num_frames (int, optional): Frames of the result. Defaults to the ``clip_len`` of the
            sample.
    """

    def __init__(self, num_frames: int | None = None) -> None:
        self.num_frames = num_frames

    def transform(self, results: dict) -> dict:
        """Normalise ``results['keypoint']``.

        Raises:
            InputError: If the sample is already normalised in another way, has no valid frame, or
                is not a recording, see :func:`check_recording`.
        """
        name = results.get('frame_dir', 'the sample')
        check_raw(results, 'NormalizePersons')
        check_recording(results)
        num_frames = self.num_frames or results['clip_len']
        layout = get_layout(results['layout'])
        try:
            results['keypoint'] = normalize_persons(results['keypoint'], layout, num_frames)
        except InputError as error:
            raise InputError(f'{name}: {error}') from None
        return results

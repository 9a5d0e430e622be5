"""Augmentations of bodies in SLiM: other lengths of the limbs; and the choice of a person."""

from functools import lru_cache

import numpy as np
from mmcv.transforms import BaseTransform

from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import Layout, get_layout, take_point

# The tree that SLiM has for the joints of layout `ntu`. Its root is the base of the spine.
_NTU_TREE = {
    'spine_mid': 'spine_base',
    'spine_shoulder': 'spine_mid',
    'hand_tip_left': 'hand_left',
    'thumb_left': 'hand_left',
    'hand_tip_right': 'hand_right',
    'thumb_right': 'hand_right',
}


def limb_tree(layout: Layout) -> tuple[tuple[int, ...], np.ndarray]:
    """Return the parent of each joint, and its limb: 0 torso, 1 arms, 2 legs.

    A layout without body parts is one limb. The root is its own parent.
    """
    parents = list(layout.parents)
    if is_ntu(layout):
        index = {name: number for number, name in enumerate(layout.joints)}
        parents[index['spine_base']] = index['spine_base']
        for child, parent in _NTU_TREE.items():
            parents[index[child]] = index[parent]
    limbs = np.zeros(len(parents), np.int64)
    for part, limb in zip(layout.parts or (), (0, 1, 1, 2, 2), strict=False):
        limbs[list(part)] = limb
    return tuple(parents), limbs


def is_ntu(layout: Layout) -> bool:
    """Return whether a layout has the joints of NTU RGB+D."""
    return layout == get_layout('ntu')


def scale_limbs(
    keypoint: np.ndarray, parents: tuple[int, ...], scales: np.ndarray, in_index_order: bool
) -> np.ndarray:
    """Multiply the length of each bone and keep its direction, in each person by other factors.

    Args:
        keypoint (np.ndarray): Shape (M, T, V, C).
        parents (tuple[int, ...]): For each joint, the joint that it hangs on.
        scales (np.ndarray): The factor of the bone to the parent of each joint, shape (M, V).
        in_index_order (bool): Place the joints in the order of their indices, as released. A joint
            that comes before its parent then hangs on the origin.

    Returns:
        np.ndarray: Shape (M, T, V, C), same dtype. The root stays.
    """
    persons, joints = scales.shape
    matrix = np.zeros((persons, joints, joints))
    done = np.zeros(joints, bool)
    order = range(joints) if in_index_order else _from_the_root(parents)
    for joint in order:
        parent, scale = parents[joint], scales[:, joint]
        if parent == joint:
            matrix[:, joint, joint] = 1
        else:
            if done[parent]:
                matrix[:, joint] = matrix[:, parent]
            matrix[:, joint, joint] += scale
            matrix[:, joint, parent] -= scale
        done[joint] = True
    return (matrix.astype(keypoint.dtype)[:, None] @ keypoint).astype(keypoint.dtype, copy=False)


@lru_cache(maxsize=16)
def _from_the_root(parents: tuple[int, ...]) -> tuple[int, ...]:
    """List the joints so that each comes after its parent."""

    def depth(joint: int) -> int:
        return 0 if parents[joint] == joint else 1 + depth(parents[joint])

    return tuple(sorted(range(len(parents)), key=depth))


@TRANSFORMS.register_module()
class LimbLengths(BaseTransform):
    """Make torso, arms and legs of each person longer or shorter in the whole sequence (SLiM).

    Required keys: ``keypoint`` (M, T, V, C), ``layout``, ``rng``. Modified key: ``keypoint``.

    Args:
        spread (float): A factor is drawn from U(1 - spread, 1 + spread). Defaults to 0.15.
        as_released (bool): Place the joints of layout ``ntu`` in the order of their indices, see
            :func:`scale_limbs`. Neck and shoulders are then displaced. Defaults to False.

    Raises:
        InputError: If the spread is not in [0, 1).
    """

    def __init__(self, spread: float = 0.15, as_released: bool = False) -> None:
        if not 0 <= spread < 1:
            raise InputError(f'spread={spread} of LimbLengths must be in [0, 1); correct it')
        self.spread = spread
        self.as_released = as_released

    def transform(self, results: dict) -> dict:
        """Scale the limbs of ``results['keypoint']``."""
        keypoint = results['keypoint']
        layout = get_layout(results['layout'])
        parents, limbs = limb_tree(layout)
        shape = len(keypoint), 3
        factors = results['rng'].uniform(1 - self.spread, 1 + self.spread, shape)
        scales = factors[:, limbs]
        displaced = self.as_released and is_ntu(layout)
        results['keypoint'] = scale_limbs(keypoint, parents, scales, displaced)
        return results


@TRANSFORMS.register_module()
class RandomPerson(BaseTransform):
    """Keep one of the persons that are there, and put the start of its centre into the origin.

    Required keys: ``keypoint`` (M, T, V, C), ``layout``, ``rng``.
    Modified key: ``keypoint`` (1, T, V, C). A sequence without any person keeps the first one.
    """

    def transform(self, results: dict) -> dict:
        """Choose a person of ``results['keypoint']``."""
        keypoint = results['keypoint']
        present = np.flatnonzero(keypoint.any(axis=(1, 2, 3)))
        number = int(len(present) * results['rng'].random())
        person = keypoint[present[number] : present[number] + 1] if len(present) else keypoint[:1]
        centre = get_layout(results['layout']).centre
        results['keypoint'] = person - take_point(person[0, 0], centre)
        return results

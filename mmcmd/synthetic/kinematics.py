"""The simulated human body: a chain of 25 joints with named degrees of freedom.

Body frame: x points to the right of the person, y points up, and the person looks along -z. Without
rotation, the person faces a camera whose depth axis is +z. At rest, the body stands upright and the
arms hang down.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mmcmd.skeletons import NTU

Array = NDArray[np.floating]

EULER = 'XZY'  # flexion, then spreading, then rotation about the axis of the limb
SIDES = {'right': 1.0, 'left': -1.0}  # sign of x, and of rotations about y and z

# Joint, parent joint, and the bone between them at rest as a fraction of the body height. Limbs are
# those of the right side.
_TRUNK = (
    ('spine_mid', 'spine_base', (0, 0.155, 0)),
    ('spine_shoulder', 'spine_mid', (0, 0.125, 0)),
    ('neck', 'spine_shoulder', (0, 0.045, 0)),
    ('head', 'neck', (0, 0.08, -0.012)),
)
_LIMBS = (
    ('shoulder', 'spine_shoulder', (0.1, -0.02, 0)),
    ('elbow', 'shoulder', (0, -0.16, 0)),
    ('wrist', 'elbow', (0, -0.14, 0)),
    ('hand', 'wrist', (0, -0.045, 0)),
    ('hand_tip', 'hand', (0, -0.045, 0)),
    ('thumb', 'wrist', (0, -0.04, -0.025)),
    ('hip', 'spine_base', (0.045, -0.025, 0)),
    ('knee', 'hip', (0, -0.23, 0)),
    ('ankle', 'knee', (0, -0.225, 0)),
    ('foot', 'ankle', (0, -0.03, -0.065)),
)

# Degree of freedom -> its rotations: (joint, axis, degrees per degree).
_TRUNK_FREEDOMS = {
    'bend': (('spine_base', 'X', -0.6), ('spine_mid', 'X', -0.4)),
    'lean': (('spine_mid', 'Z', 1.0),),
    'twist': (('spine_mid', 'Y', 1.0),),
    'nod': (('neck', 'X', -1.0),),
    'tilt': (('neck', 'Z', 1.0),),
}
_LIMB_FREEDOMS = {
    'raise': (('shoulder', 'X', 1.0),),
    'spread': (('shoulder', 'Z', 1.0),),
    'inward': (('shoulder', 'Y', 1.0),),
    'elbow': (('elbow', 'X', 1.0),),
    'wrist': (('wrist', 'X', 1.0),),
    'hip': (('hip', 'X', 1.0),),
    'hip_out': (('hip', 'Z', 1.0),),
    'knee': (('knee', 'X', -1.0),),
    # The thigh turns forward, the shin stays upright and the foot flat. The hips move down and
    # behind the feet.
    'sit': (('hip', 'X', 1.0), ('knee', 'X', -1.0)),
    # The knee bends twice as much as the hip, so the hips move down above the feet.
    'crouch': (('hip', 'X', 1.0), ('knee', 'X', -2.0), ('ankle', 'X', 1.0)),
}


def joint(name: str) -> int:
    """Return the index of a joint of the NTU layout by its name."""
    return NTU.joints.index(name)


def _build_chain() -> tuple[tuple[tuple[int, int], ...], Array]:
    bones = [(name, parent, offset) for name, parent, offset in _TRUNK]
    for side, sign in SIDES.items():
        for name, parent, (x, y, z) in _LIMBS:
            on = parent if parent.startswith('spine') else f'{parent}_{side}'
            bones.append((_sided(name, side), _sided(on, side), (sign * x, y, z)))
    offsets = np.zeros((NTU.num_joints, 3))
    for name, _, offset in bones:
        offsets[joint(name)] = offset
    return tuple((joint(name), joint(parent)) for name, parent, _ in bones), offsets


def _sided(name: str, side: str) -> str:
    return name if name.startswith('spine') or name.endswith(side) else f'{name}_{side}'


def _build_freedoms() -> dict[str, tuple[tuple[int, int, float], ...]]:
    freedoms = {
        name: tuple((joint(on), EULER.index(axis), weight) for on, axis, weight in parts)
        for name, parts in _TRUNK_FREEDOMS.items()
    }
    for side, sign in SIDES.items():
        for name, parts in _LIMB_FREEDOMS.items():
            freedoms[f'{side}_{name}'] = tuple(
                (joint(f'{on}_{side}'), EULER.index(axis), weight if axis == 'X' else sign * weight)
                for on, axis, weight in parts
            )
    # A bending trunk rotates the pelvis. The legs must not rotate with it.
    freedoms['bend'] += tuple((joint(f'hip_{side}'), 0, 0.6) for side in SIDES)
    return freedoms


CHAIN, PROPORTIONS = _build_chain()
FREEDOMS = _build_freedoms()
_ANKLES = [joint('ankle_left'), joint('ankle_right')]
_SOLES = [*_ANKLES, joint('foot_left'), joint('foot_right')]


def pose_angles(freedoms: dict[str, Array], length: int) -> Array:
    """Convert degrees of freedom to joint rotations.

    Args:
        freedoms (dict[str, Array]): Maps names of :data:`FREEDOMS` to degrees over time, each (T,).
        length (int): Number of frames T.

    Returns:
        Array: Euler angles in degrees in the order of :data:`EULER`, (T, V, 3).
    """
    angles = np.zeros((length, NTU.num_joints, 3))
    for name, degrees in freedoms.items():
        for index, axis, weight in FREEDOMS[name]:
            angles[:, index, axis] += weight * degrees
    return angles


def forward_kinematics(offsets: Array, angles: Array) -> Array:
    """Compute the joint positions of a body whose spine base is at the origin.

    Args:
        offsets (Array): Vectors from parent to joint at rest in metres, (V, 3).
        angles (Array): Euler angles in degrees, (T, V, 3).

    Returns:
        Array: Joint positions in metres, (T, V, 3).
    """
    length, joints = angles.shape[:2]
    turns = Rotation.from_euler(EULER, angles.reshape(-1, 3), degrees=True).as_matrix()
    turns = turns.reshape(length, joints, 3, 3)
    positions = np.zeros((length, joints, 3))
    for index, parent in CHAIN:
        positions[:, index] = positions[:, parent] + turns[:, parent] @ offsets[index]
        turns[:, index] = turns[:, parent] @ turns[:, index]
    return positions


def stand_on_floor(positions: Array, lift: Array) -> Array:
    """Move a body so that its lower foot stays fixed on the floor (y = 0). This makes it walk.

    Args:
        positions (Array): Joints relative to the spine base in metres, (T, V, 3).
        lift (Array): Height of the feet above the floor in metres, (T,).

    Returns:
        Array: Joints in metres, (T, V, 3). In the first frame, the spine base is above the origin.
    """
    soles = positions[:, _SOLES, 1]
    floor = -0.01 * np.log(np.exp(-(soles - soles.min()) / 0.01).sum(1)) + soles.min()
    ankles = positions[:, _ANKLES]
    low = ankles[..., 1].min(1, keepdims=True)
    weight = np.exp(-(ankles[..., 1] - low) / 0.02)
    weight = (weight / weight.sum(1, keepdims=True))[..., None]
    slip = (weight[1:] * np.diff(ankles, axis=0)).sum(1)
    path = np.zeros((len(positions), 3))
    path[1:] = -np.cumsum(slip, axis=0)
    path[:, 1] = lift - floor
    return positions + path[:, None]

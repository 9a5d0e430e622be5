"""Make a standing body in every layout, as its sensor would see it from the front."""

import numpy as np

from mmcmd.skeletons import LAYOUTS

_MIDDLE = {
    'pelvis': (0.95, 0),
    'spine_low': (1.0316, 0),
    'spine_1': (1.06, 0.02),
    'spine': (1.2, 0.02),
    'chest': (1.32, 0.02),
    'thorax': (1.43, 0),
    'neck': (1.5, 0),
    'head': (1.65, 0),
    'head_top': (1.76, 0),
    'nose': (1.63, -0.12),
}
_SIDED = {
    'eye': (0.03, 1.66, -0.1),
    'eye_inner': (0.02, 1.66, -0.1),
    'eye_outer': (0.04, 1.66, -0.1),
    'ear': (0.08, 1.65, 0),
    'mouth': (0.03, 1.58, -0.1),
    'collar': (0.08, 1.42, 0),
    'shoulder': (0.19, 1.43, 0),
    'elbow': (0.23, 1.12, 0.02),
    'wrist': (0.24, 0.87, -0.03),
    'hand': (0.24, 0.8, -0.05),
    'hand_tip': (0.24, 0.72, -0.06),
    'thumb': (0.21, 0.8, -0.08),
    'pinky': (0.26, 0.79, -0.03),
    'index': (0.23, 0.78, -0.07),
    'hip': (0.1, 0.95, 0),
    'knee': (0.11, 0.5, -0.02),
    'ankle': (0.11, 0.1, 0.02),
    'heel': (0.11, 0.03, 0.06),
    'foot': (0.12, 0.04, -0.1),
    'big_toe': (0.1, 0.02, -0.15),
    'small_toe': (0.16, 0.02, -0.12),
}
_JOINTS = {name: (0, *place) for name, place in _MIDDLE.items()}
for _side, _sign in (('left', -1), ('right', 1)):
    _JOINTS |= {f'{name}_{_side}': (_sign * x, y, z) for name, (x, y, z) in _SIDED.items()}
"""Coordinates by the common names of joints, in metres: right of the person, up, backward."""

_IMAGE, _CAMERA, _WORLD = (-1, -1), (-1, -1, 1), (-1, 1, -1)
_AXES = {name: _IMAGE for name in ('coco', 'halpe26', 'openpose25')}
_AXES |= {name: _CAMERA for name in ('azure_kinect', 'mediapipe33', 'h36m')}
_AXES |= {name: _WORLD for name in ('smpl24', 'bandai2')}
_AXES |= {name: (1, 1, 1) for name in ('ntu', 'kinect_v1', 'kinect_v2')}
"""Signs of right, up and back on the axes of each layout, if the person faces the sensor."""


def make_body(name: str, turn: float = 0) -> np.ndarray:
    """Return a person (1, 4, V, C) in a layout, turned by some degrees to the side."""
    joints = np.array([_JOINTS[joint] for joint in LAYOUTS[name].common_names])
    sin, cos = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    joints = joints @ [[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]] + [0.3, -0.7, 2.9]
    axes = _AXES[name]
    joints = (joints[:, : len(axes)] * axes).astype(np.float32)
    return np.repeat(joints[None, None], 4, axis=1)

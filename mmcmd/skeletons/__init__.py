"""Joint layouts: which joint hangs on which, and the joints that orient a body.

A layout is an entry of :data:`LAYOUTS`; transforms, modalities and converters name it by its key.
For another skeleton, write the fields of a :class:`Layout` as a dict instead of a name.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mmcmd.errors import InputError
from mmcmd.skeletons.layout import Layout

__all__ = ['LAYOUTS', 'Layout', 'get_layout']

# Kinect v2, as in NTU RGB+D and PKU-MMD. Joint 20 is the spine at the shoulders, the root here.
NTU = Layout(
    name='ntu',
    joints=(
        *('spine_base', 'spine_mid', 'neck', 'head'),
        *('shoulder_left', 'elbow_left', 'wrist_left', 'hand_left'),
        *('shoulder_right', 'elbow_right', 'wrist_right', 'hand_right'),
        *('hip_left', 'knee_left', 'ankle_left', 'foot_left'),
        *('hip_right', 'knee_right', 'ankle_right', 'foot_right'),
        *('spine_shoulder', 'hand_tip_left', 'thumb_left', 'hand_tip_right', 'thumb_right'),
    ),
    parents=(
        *(1, 20, 20, 2),
        *(20, 4, 5, 6),
        *(20, 8, 9, 10),
        *(0, 12, 13, 14),
        *(0, 16, 17, 18),
        *(20, 22, 7, 24, 11),
    ),
    centre=1,
    spine=(0, 1),
    shoulders=(4, 8),
    graph_name='nturgb+d',
    trunk=20,
    hips=(12, 16),
    parts=(
        (0, 1, 2, 3, 20),
        *((4, 5, 6, 7, 21, 22), (8, 9, 10, 11, 23, 24)),
        *((12, 13, 14, 15), (16, 17, 18, 19)),
    ),
)

# Bandai-Namco-Research-Motiondataset-2: 21 joints of a motion-capture rig. All performers face one
# way, so nothing has to be turned. Spine and shoulders lean with the style, so turning the bodies
# by them costs accuracy (README).
BANDAI2 = Layout(
    name='bandai2',
    joints=(
        *('hips', 'spine', 'chest', 'neck', 'head'),
        *('shoulder_left', 'upper_arm_left', 'lower_arm_left', 'hand_left'),
        *('shoulder_right', 'upper_arm_right', 'lower_arm_right', 'hand_right'),
        *('upper_leg_left', 'lower_leg_left', 'foot_left', 'toes_left'),
        *('upper_leg_right', 'lower_leg_right', 'foot_right', 'toes_right'),
    ),
    parents=(
        *(0, 0, 1, 2, 3),
        *(2, 5, 6, 7),
        *(2, 9, 10, 11),
        *(0, 13, 14, 15),
        *(0, 17, 18, 19),
    ),
    centre=0,
    trunk=2,
    parts=(
        (0, 1, 2, 3, 4),
        *((5, 6, 7, 8), (9, 10, 11, 12)),
        *((13, 14, 15, 16), (17, 18, 19, 20)),
    ),
)

# Kinect v1, as in NW-UCLA (and UTD-MHAD, whose converter puts its joints in this order).
KINECT_V1 = Layout(
    name='kinect_v1',
    joints=(
        *('hip_centre', 'spine', 'shoulder_centre', 'head'),
        *('shoulder_left', 'elbow_left', 'wrist_left', 'hand_left'),
        *('shoulder_right', 'elbow_right', 'wrist_right', 'hand_right'),
        *('hip_left', 'knee_left', 'ankle_left', 'foot_left'),
        *('hip_right', 'knee_right', 'ankle_right', 'foot_right'),
    ),
    parents=(
        *(0, 0, 1, 2),
        *(2, 4, 5, 6),
        *(2, 8, 9, 10),
        *(0, 12, 13, 14),
        *(0, 16, 17, 18),
    ),
    centre=1,
    spine=(0, 2),  # joint 1 is 7 cm above joint 0 and behind it, so (0, 1) tilts the body
    shoulders=(4, 8),
    trunk=2,
    hips=(12, 16),
    parts=(
        (0, 1, 2, 3),
        *((4, 5, 6, 7), (8, 9, 10, 11)),
        *((12, 13, 14, 15), (16, 17, 18, 19)),
    ),
)

# The 17 key points of COCO, (x, y) in the image.
COCO = Layout(
    name='coco',
    joints=(
        *('nose', 'eye_left', 'eye_right', 'ear_left', 'ear_right'),
        *('shoulder_left', 'shoulder_right', 'elbow_left', 'elbow_right'),
        *('wrist_left', 'wrist_right', 'hip_left', 'hip_right'),
        *('knee_left', 'knee_right', 'ankle_left', 'ankle_right'),
    ),
    parents=(0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    centre=0,
    graph_name='coco',
    parts=((0, 1, 2, 3, 4), (5, 7, 9), (6, 8, 10), (11, 13, 15), (12, 14, 16)),
)

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (NTU, KINECT_V1, COCO, BANDAI2)}


def get_layout(name: str | Mapping[str, Any]) -> Layout:
    """Return the layout of that name, or the one whose fields are given.

    Args:
        name (str | Mapping): Key of :data:`LAYOUTS`, or the fields of a :class:`Layout`.

    Raises:
        InputError: If there is no such layout (the message lists all names), or the fields do not
            make one.
    """
    if isinstance(name, Mapping):
        try:
            return Layout(**name)
        except (TypeError, ValueError) as error:
            names = ', '.join(x.name for x in fields(Layout))
            raise InputError(
                f'a skeleton layout of your own has the fields {names}: {error}'
            ) from None
    try:
        return LAYOUTS[name]
    except KeyError:
        raise InputError(
            f'there is no skeleton layout {name!r}; layouts are {", ".join(sorted(LAYOUTS))} '
            '(mmcmd/skeletons.py)'
        ) from None

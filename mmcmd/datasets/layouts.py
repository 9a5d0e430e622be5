"""Joint layouts: which joint hangs on which, and the joints that orient a body.

A layout is an entry of :data:`LAYOUTS`; transforms, modalities and converters name it by its key.
"""

from dataclasses import dataclass

from mmcmd.errors import InputError


@dataclass(frozen=True)
class Layout:
    """The joints of one kind of skeleton.

    Attributes:
        name (str): Key in :data:`LAYOUTS`.
        joints (tuple[str, ...]): Name of each joint, in the order of the joint axis ``V``.
        parents (tuple[int, ...]): Index of the joint that each joint hangs on; the root is its
            own parent, so that ``joint - parent`` (the bone) is zero there.
        centre (int): The joint that every frame is moved to.
        spine (tuple[int, int]): Lower and upper joint of the vector that becomes the z axis.
        shoulders (tuple[int, int]): First and second joint of the vector that becomes the x axis.
            Choose the order in which it mostly lies near +x in the raw data: it is turned there
            the shortest way, which has no definite axis for a vector near -x and may leave the
            body upside down.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    centre: int
    spine: tuple[int, int]
    shoulders: tuple[int, int]

    def __post_init__(self) -> None:
        if len(self.parents) != len(self.joints):
            raise ValueError(
                f'layout {self.name!r}: {len(self.joints)} joints but {len(self.parents)} parents'
            )
        used = (*self.parents, self.centre, *self.spine, *self.shoulders)
        if not all(0 <= joint < len(self.joints) for joint in used):
            raise ValueError(
                f'layout {self.name!r}: joint indices must lie in [0, {len(self.joints)})'
            )

    @property
    def num_joints(self) -> int:
        """Length of the joint axis ``V``."""
        return len(self.joints)


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
)

# Bandai-Namco-Research-Motiondataset-2: 21 joints of a motion-capture rig. Its performers face
# the other way than before a Kinect, so the vector from the right to the left shoulder is near +x.
# The spine is hips to neck: the lowest link alone leans with the style (raw 1-NN 0.67, not 0.79).
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
    centre=2,
    spine=(0, 3),
    shoulders=(10, 6),
)

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (NTU, BANDAI2)}


def get_layout(name: str) -> Layout:
    """Return the layout of that name.

    Raises:
        InputError: If there is none; the message lists those there are.
    """
    try:
        return LAYOUTS[name]
    except KeyError:
        raise InputError(
            f'there is no skeleton layout {name!r}; layouts are {", ".join(sorted(LAYOUTS))} '
            '(mmcmd/datasets/layouts.py)'
        ) from None

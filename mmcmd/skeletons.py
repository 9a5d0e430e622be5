"""Joint layouts: which joint hangs on which, and the joints that orient a body.

A layout is an entry of :data:`LAYOUTS`; transforms, modalities and converters name it by its key.
Whoever has another skeleton writes the fields of a :class:`Layout` as a dict instead of a name.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mmcmd.errors import InputError


@dataclass(frozen=True)
class Layout:
    """The joints of one kind of skeleton.

    Attributes:
        name (str): Key in :data:`LAYOUTS`.
        joints (tuple[str, ...]): Name of each joint, in the order of the joint axis ``V``.
        parents (tuple[int, ...]): Index of the joint that each joint hangs on; the root is its
            own parent, so that ``joint - parent`` (the bone) is zero there.
        centre (int): The joint of the first person that becomes the origin of every frame.
        spine (tuple[int, int], optional): Lower and upper joint of the vector that becomes the z
            axis. Without it nothing is turned.
        shoulders (tuple[int, int], optional): First and second joint of the vector that becomes
            the x axis. Choose the order in which it mostly lies near +x in the raw data: it is
            turned there the shortest way, which has no definite axis for a vector near -x and may
            leave the body upside down.
        graph_name (str): mmaction2's name of the graph, where it has one.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    centre: int
    spine: tuple[int, int] | None = None
    shoulders: tuple[int, int] | None = None
    graph_name: str = ''

    def __post_init__(self) -> None:
        for field in ('joints', 'parents', 'spine', 'shoulders'):  # configs and JSON have lists
            value = getattr(self, field)
            object.__setattr__(self, field, value if value is None else tuple(value))
        if (self.spine is None) != (self.shoulders is None):
            raise ValueError(f'layout {self.name!r}: spine and shoulders are given both or neither')
        if len(self.parents) != len(self.joints):
            raise ValueError(
                f'layout {self.name!r}: {len(self.joints)} joints but {len(self.parents)} parents'
            )
        used = (*self.parents, self.centre, *(self.spine or ()), *(self.shoulders or ()))
        if not all(0 <= joint < len(self.joints) for joint in used):
            raise ValueError(
                f'layout {self.name!r}: joint indices must lie in [0, {len(self.joints)})'
            )

    @property
    def num_joints(self) -> int:
        """Length of the joint axis ``V``."""
        return len(self.joints)

    @property
    def graph(self) -> str | dict[str, Any]:
        """The ``layout`` of ``graph_cfg`` in mmaction2's graph encoders."""
        if self.graph_name:
            return self.graph_name
        bones = [(joint, parent) for joint, parent in enumerate(self.parents) if joint != parent]
        roots = [joint for joint, parent in enumerate(self.parents) if joint == parent]
        return dict(num_node=self.num_joints, inward=bones, center=roots[0])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as :func:`get_layout` takes them."""
        return asdict(self)


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
)

# Bandai-Namco-Research-Motiondataset-2: 21 joints of a motion-capture rig. All performers face one
# way, so nothing has to be turned; turning them by spine and shoulders, which lean with the style,
# costs accuracy (README).
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
    spine=(0, 1),
    shoulders=(4, 8),
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
)

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (NTU, KINECT_V1, COCO, BANDAI2)}


def get_layout(name: str | Mapping[str, Any]) -> Layout:
    """Return the layout of that name, or the one whose fields are given.

    Args:
        name (str | Mapping): Key of :data:`LAYOUTS`, or the fields of a :class:`Layout`.

    Raises:
        InputError: If there is no such layout (the message lists those there are), or the fields
            do not make one.
    """
    if isinstance(name, Mapping):
        try:
            return Layout(**name)
        except (TypeError, ValueError) as error:
            names = ', '.join(field.name for field in fields(Layout))
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

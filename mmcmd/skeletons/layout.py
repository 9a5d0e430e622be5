from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from mmcmd.errors import InputError


@dataclass(frozen=True)
class Layout:
    """The joints of one kind of skeleton.

    Attributes:
        name (str): Key in :data:`mmcmd.skeletons.LAYOUTS`.
        joints (tuple[str, ...]): Name of each joint, in the order of the joint axis ``V``.
        parents (tuple[int, ...]): For each joint, the index of the joint that it hangs on. The root
            is its own parent, so its bone (``joint - parent``) is zero.
        centre (int): The joint of the first person that becomes the origin of every frame.
        spine (tuple[int, int], optional): Lower and upper joint of the vector that becomes the z
            axis. Without it nothing is turned.
        shoulders (tuple[int, int], optional): First and second joint of the vector that becomes
            the x axis. Choose the order in which the vector mostly points near +x in the raw data.
            It is turned to +x the shortest way. For a vector near -x the axis of this rotation is
            undefined, and the body may end upside down.
        graph_name (str): mmaction2's name of the graph, if it has one.
        trunk (int): The joint of each person that becomes the person's own origin, if every person
            is centred separately. Defaults to ``centre``.
        hips (tuple[int, int], optional): The left and the right hip. A view-invariant transform of
            a sequence (P&C) needs them and the spine.
        parts (tuple[tuple[int, ...], ...], optional): The joints of the trunk, the left arm, the
            right arm, the left leg and the right leg. Every joint is in exactly one part.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    centre: int
    spine: tuple[int, int] | None = None
    shoulders: tuple[int, int] | None = None
    graph_name: str = ''
    # These do not change the data, so a file whose layout lacks them has the same joints.
    trunk: int | None = field(default=None, compare=False)
    hips: tuple[int, int] | None = field(default=None, compare=False)
    parts: tuple[tuple[int, ...], ...] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name in ('joints', 'parents', 'spine', 'shoulders', 'hips', 'parts'):  # JSON has lists
            value = getattr(self, name)
            object.__setattr__(self, name, value if value is None else tuple(value))
        if self.trunk is None:
            object.__setattr__(self, 'trunk', self.centre)
        if self.parts is not None:
            object.__setattr__(self, 'parts', tuple(map(tuple, self.parts)))
        if (self.spine is None) != (self.shoulders is None):
            raise ValueError(f'layout {self.name!r}: spine and shoulders are given both or neither')
        if len(self.parents) != len(self.joints):
            raise ValueError(
                f'layout {self.name!r}: {len(self.joints)} joints but {len(self.parents)} parents'
            )
        origins = (self.centre, self.trunk)
        pairs = (*(self.spine or ()), *(self.shoulders or ()), *(self.hips or ()))
        used = (*self.parents, *origins, *pairs)
        if not all(0 <= joint < len(self.joints) for joint in used):
            raise ValueError(
                f'layout {self.name!r}: joint indices must lie in [0, {len(self.joints)})'
            )
        if self.parts is not None:
            self._check_parts()

    def _check_parts(self) -> None:
        joints = sorted(joint for part in self.parts for joint in part)
        if len(self.parts) != 5 or joints != list(range(len(self.joints))):
            raise ValueError(
                f'layout {self.name!r}: parts must be trunk, left arm, right arm, left leg and '
                f'right leg, and have each joint in [0, {len(self.joints)}) exactly once'
            )

    @property
    def num_joints(self) -> int:
        """Length of the joint axis ``V``."""
        return len(self.joints)

    @property
    def graph(self) -> str | dict[str, Any]:
        """The ``layout`` of ``graph_cfg`` in mmaction2's graph encoders."""
        return self.graph_name or self.own_graph

    @property
    def own_graph(self) -> dict[str, Any]:
        """The same as ``graph``, but always made from ``parents``; the root is the centre."""
        bones = [(joint, parent) for joint, parent in enumerate(self.parents) if joint != parent]
        roots = [joint for joint, parent in enumerate(self.parents) if joint == parent]
        return dict(num_node=self.num_joints, inward=bones, center=roots[0])

    @cached_property
    def mirrored(self) -> tuple[int, ...]:
        """For each joint, the index of the joint on the other side of the body, or its own.

        Two joints are a pair if their names differ only in the word ``left`` or ``right``.

        Raises:
            InputError: If no joint has such a name, or a joint has no partner.
        """
        other = {'left': 'right', 'right': 'left'}
        names = ['_'.join(other.get(word, word) for word in x.split('_')) for x in self.joints]
        missing = [name for name in names if name not in self.joints]
        if missing or names == list(self.joints):
            raise InputError(
                f'layout {self.name!r}: joints must be named in pairs such as hand_left and '
                f'hand_right to swap the sides of a body, but there is no '
                f'{", ".join(missing) or "left or right joint"}; rename `joints`'
            )
        return tuple(map(self.joints.index, names))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as :func:`mmcmd.skeletons.get_layout` takes them."""
        return asdict(self)

"""The class of joint layouts, and points of a body."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mmcmd.errors import InputError
from mmcmd.skeletons.field_values import (
    Point,
    read_joints,
    read_pair,
    read_parents,
    read_parts,
    read_point,
    read_same_as,
)
from mmcmd.skeletons.joint_names import common_names


@dataclass(frozen=True)
class Layout:
    """The joints of one kind of skeleton.

    A joint may be given by its name or its index. The attributes hold indices. A point is a joint,
    or the middle of a list of joints.

    Attributes:
        name (str): Name in messages; key in :data:`mmcmd.skeletons.LAYOUTS`.
        joints (tuple[str, ...]): Name of each joint, in the order of the joint axis ``V``.
        parents (tuple[int, ...]): Parent of each joint. The root is its own parent, so its bone
            (``joint - parent``) is zero. -1 and None also mean a root.
        centre (int | tuple[int, ...]): The point of the first person that becomes the origin of
            every frame.
        spine (tuple, optional): Lower and upper point of the vector that becomes the z axis. It
            should span the trunk, from the hips to the shoulders. Without it nothing is turned.
        shoulders (tuple, optional): First and second point of the vector that becomes the x axis.
            Choose the order in which the vector mostly points near +x in the raw data. It is turned
            to +x the shortest way. For a vector near -x the axis of this rotation is undefined, and
            the body may end upside down.
        graph_name (str): mmaction2's name of the graph, if it has one.
        trunk (int | tuple[int, ...]): The point of each person that becomes the person's own
            origin, if every person is centred separately. Defaults to ``centre``.
        hips (tuple, optional): The left and the right hip. A view-invariant transform of a sequence
            (P&C) needs them and the spine.
        parts (tuple[tuple[int, ...], ...], optional): The joints of the trunk, the left arm, the
            right arm, the left leg and the right leg. Every joint is in exactly one part.
        same_as (Mapping[str, str]): Common names of joints that have a different meaning in other
            layouts, see :func:`mmcmd.skeletons.joint_names.common_names`.
        source (str): Documentation of the order of the joints.

    Raises:
        ValueError: If a field has a wrong value; the message names the field.
    """

    name: str = field(compare=False)  # two layouts with the same fields are the same
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    centre: Point
    spine: tuple[Point, Point] | None = None
    shoulders: tuple[Point, Point] | None = None
    graph_name: str = ''
    # The fields from here on do not change the data, so the comparison of layouts ignores them.
    trunk: Point | None = field(default=None, compare=False)
    hips: tuple[Point, Point] | None = field(default=None, compare=False)
    parts: tuple[tuple[int, ...], ...] | None = field(default=None, compare=False)
    same_as: Mapping[str, str] = field(default_factory=dict, compare=False)
    source: str = field(default='', compare=False)

    def __post_init__(self) -> None:
        for name in ('name', 'graph_name', 'source'):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f'`{name}` of a layout must be text')
        try:
            self._read_fields()
        except ValueError as error:
            raise ValueError(f'layout {self.name!r}: {error}') from None

    def _read_fields(self) -> None:
        joints = read_joints(self.joints)
        trunk = self.centre if self.trunk is None else self.trunk
        values = {
            'joints': joints,
            'parents': read_parents(self.parents, joints),
            'centre': read_point(self.centre, joints, 'centre'),
            'trunk': read_point(trunk, joints, 'trunk'),
            'parts': read_parts(self.parts, joints),
            'same_as': read_same_as(self.same_as, joints),
        }
        for name in ('spine', 'shoulders', 'hips'):
            values[name] = read_pair(getattr(self, name), joints, name)
        if (values['spine'] is None) != (values['shoulders'] is None):
            raise ValueError('spine and shoulders are given both or neither')
        for name, value in values.items():
            object.__setattr__(self, name, value)

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
        """Like ``graph``, but always made from ``parents``; the root is the centre."""
        bones = [(joint, parent) for joint, parent in enumerate(self.parents) if joint != parent]
        roots = [joint for joint, parent in enumerate(self.parents) if joint == parent]
        return dict(num_node=self.num_joints, inward=bones, center=roots[0])

    @cached_property
    def common_names(self) -> tuple[str, ...]:
        """Common name of each joint, such as ``pelvis``, which is the same in all layouts."""
        names = common_names(self.same_as.get(joint, joint) for joint in self.joints)
        return tuple(names)

    @cached_property
    def mirrored(self) -> tuple[int, ...]:
        """For each joint, the index of its mirrored joint, or its own index in the middle.

        Two joints are a pair if their names differ only in the word ``left`` or ``right``.

        Raises:
            InputError: If no joint has such a name, or a joint has no mirrored joint.
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

    def difference(self, other: 'Layout') -> str:
        """Return the first field in which two layouts differ, with both values; '' if none differs.

        Names of layouts are not compared: two layouts with the same fields are the same.
        """
        if self.num_joints != other.num_joints:
            return f'`joints`: {self.num_joints} and {other.num_joints}'
        for index, pair in enumerate(zip(self.joints, other.joints, strict=True)):
            if pair[0] != pair[1]:
                return f'`joints[{index}]`: {pair[0]!r} and {pair[1]!r}'
        for index, pair in enumerate(zip(self.parents, other.parents, strict=True)):
            if pair[0] != pair[1]:
                first, second = (self.joints[x] for x in pair)
                return f'`parents[{index}]`: {self.joints[index]!r} on {first!r} and on {second!r}'
        for name in ('centre', 'spine', 'shoulders', 'graph_name'):
            first, second = getattr(self, name), getattr(other, name)
            if first != second:
                return f'`{name}`: {first!r} and {second!r}'
        return ''

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, which :func:`mmcmd.skeletons.get_layout` turns into a layout again."""
        return asdict(self)


def take_point(keypoint: np.ndarray, point: Point) -> np.ndarray:
    """Return a joint of (..., V, C), or the middle of a group of joints without missing ones.

    Args:
        keypoint (np.ndarray): Shape (..., V, C); a missing joint is exactly zero.
        point (int | tuple[int, ...]): A joint, or a group of joints.

    Returns:
        np.ndarray: Shape (..., C).
    """
    if isinstance(point, int):
        return keypoint[..., point, :]
    group = keypoint[..., list(point), :]
    present = group.any(axis=-1, keepdims=True).sum(axis=-2)
    return (group.sum(axis=-2) / np.maximum(present, 1)).astype(keypoint.dtype)

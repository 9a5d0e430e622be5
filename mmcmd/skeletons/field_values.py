"""Read the fields of a layout from a config or a JSON file. Each error message is a sentence."""

from collections.abc import Mapping, Sequence
from itertools import chain
from numbers import Integral
from typing import Any

from mmcmd.errors import did_you_mean

Point = int | tuple[int, ...]
"""A joint, or several joints, which stand for the point in their middle."""


def read_joints(value: Any) -> tuple[str, ...]:
    """Return the names of the joints.

    Raises:
        ValueError: If a name is not text, or two joints have the same name.
    """
    names = tuple(value) if isinstance(value, (str, Sequence)) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError('`joints` must be text: a list with the name of each joint')
    seen = set()
    for name in names:
        if name in seen:
            raise ValueError(f'`joints` has {name!r} twice; give each joint a name of its own')
        seen.add(name)
    return names


def read_joint(value: Any, joints: Sequence[str], field: str) -> int:
    """Return the index of a joint that is given by its index or its name.

    Args:
        value (int | str): Index or name of the joint.
        joints (Sequence[str]): Names of all joints.
        field (str): Name of the field in messages.

    Raises:
        ValueError: If there is no such joint.
    """
    last = len(joints) - 1
    if isinstance(value, str):
        if value not in joints:
            raise ValueError(
                f'`{field}` names a joint {value!r} that is not in `joints`'
                f'{did_you_mean(value, joints)}'
            )
        return joints.index(value)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(
            f'`{field}` has {value!r}, expected the name of a joint or its index, '
            f'an integer in [0, {last}]'
        )
    if not 0 <= value <= last:
        raise ValueError(
            f'`{field}` has {value}, but joint indices must lie in [0, {last}], as there are '
            f'{last + 1} joints'
        )
    return int(value)


def read_parents(value: Any, joints: Sequence[str]) -> tuple[int, ...]:
    """Return the parent of each joint. A root is its own parent.

    Args:
        value (Sequence): For each joint, the index or the name of its parent. A root has itself, -1
            or None.
        joints (Sequence[str]): Names of the joints.

    Raises:
        ValueError: If there are more or fewer parents than joints, a parent does not exist, or the
            parents form a circle.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError('`parents` must be a list with the parent of each joint')
    if len(value) != len(joints):
        raise ValueError(f'there are {len(joints)} joints but {len(value)} parents')
    parents = []
    for joint, parent in enumerate(value):
        is_index = isinstance(parent, Integral) and not isinstance(parent, bool)
        is_root = parent is None or (is_index and parent == -1)
        if is_index and not is_root and not 0 <= parent < len(joints):
            raise ValueError(
                f'the parent of {joints[joint]!r} is {parent}, but joint indices must lie in '
                f'[0, {len(joints) - 1}]; the root is its own parent, or has -1'
            )
        parents.append(joint if is_root else read_joint(parent, joints, 'parents'))
    _check_circle(parents, joints)
    return tuple(parents)


def _check_circle(parents: Sequence[int], joints: Sequence[str]) -> None:
    for start in range(len(parents)):
        path, joint = [start], start
        while parents[joint] != joint:
            joint = parents[joint]
            if joint in path:
                circle = [joints[x] for x in [*path[path.index(joint) :], joint]]
                raise ValueError(
                    f'the parents form a circle: {" hangs on ".join(circle)}; the root, and no '
                    'other joint, must be its own parent or have -1'
                )
            path.append(joint)


def read_point(value: Any, joints: Sequence[str], field: str) -> Point:
    """Return a point: a joint, or several joints, which stand for the point in their middle.

    Args:
        value (int | str | Sequence): A joint or a list of joints, by index or name.
        joints (Sequence[str]): Names of all joints.
        field (str): Name of the field in messages.

    Raises:
        ValueError: If there is no such joint, or the list is empty.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        return read_joint(value, joints, field)
    if not value:
        raise ValueError(f'`{field}` has an empty list, expected joints')
    return tuple(read_joint(x, joints, field) for x in value)


def read_pair(value: Any, joints: Sequence[str], field: str) -> tuple[Point, Point] | None:
    """Return two points, or None if the value is None. See :func:`read_point`.

    Args:
        value (Sequence, optional): Two points.
        joints (Sequence[str]): Names of all joints.
        field (str): Name of the field in messages.

    Raises:
        ValueError: If there are not two points, or there is no such joint.
    """
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f'`{field}` must be two joints')
    return read_point(value[0], joints, field), read_point(value[1], joints, field)


def read_parts(value: Any, joints: Sequence[str]) -> tuple[tuple[int, ...], ...] | None:
    """Return the joints of trunk, left arm, right arm, left leg and right leg, or None.

    Args:
        value (Sequence[Sequence], optional): Five lists of joints, by index or name.
        joints (Sequence[str]): Names of all joints.

    Raises:
        ValueError: If there are not five parts, or a joint is not in exactly one part.
    """
    if value is None:
        return None
    is_lists = isinstance(value, Sequence) and all(
        isinstance(part, Sequence) and not isinstance(part, str) for part in value
    )
    parts = [[read_joint(x, joints, 'parts') for x in part] for part in value] if is_lists else []
    if len(parts) != 5 or sorted(chain.from_iterable(parts)) != list(range(len(joints))):
        raise ValueError(
            'parts must be trunk, left arm, right arm, left leg and right leg, and have each '
            f'of the {len(joints)} joints exactly once'
        )
    return tuple(map(tuple, parts))


def read_same_as(value: Any, joints: Sequence[str]) -> dict[str, str]:
    """Return the common names of joints that have a different meaning in other layouts.

    Args:
        value (Mapping[str, str]): Common name of each of these joints, by the name of the joint.
        joints (Sequence[str]): Names of all joints.

    Raises:
        ValueError: If the value is not a mapping from joints to text.
    """
    if not isinstance(value, Mapping):
        raise ValueError('`same_as` must be a mapping from joints to their common names')
    for joint, common in value.items():
        read_joint(str(joint), joints, 'same_as')
        if not isinstance(common, str) or not common:
            raise ValueError(f'`same_as` has {common!r} for {joint!r}, expected a name')
    return {str(joint): common for joint, common in value.items()}

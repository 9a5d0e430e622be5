"""Common names of joints. Sensors, pose estimators and rigs use different names for one joint."""

import re
from collections.abc import Iterable

_MIDDLE = {
    'pelvis': 'hips hip hip_centre hip_center mid_hip spine_base root',
    'spine': 'spine_mid mid_spine spine_navel spine_naval spine_2 torso',
    'chest': 'spine_chest spine_3',
    'thorax': 'shoulder_centre shoulder_center spine_shoulder mid_shoulder neck_base',
    'neck': '',
    'head': '',
}
"""Joints in the middle of the body: the common name, and the other names."""

_SIDED = {
    'collar': 'clavicle',
    'foot': 'toe toes toe_base foot_index',
    'hand_tip': 'handtip',
}
"""Joints of one side of the body: the common name, and the other names."""

_RIG = {
    'collar': 'shoulder collar clavicle',
    'shoulder': 'arm upper_arm up_arm',
    'elbow': 'fore_arm forearm lower_arm',
    'wrist': 'hand',
    'hip': 'up_leg upper_leg thigh',
    'knee': 'leg lower_leg shin calf',
    'ankle': 'foot',
    'foot': 'toe toes toe_base',
}
"""Joints of one side in rigs of motion capture: the common name, and the names in rigs. Rigs name a
joint after the bone that begins there."""

_RIG_ONLY = frozenset(('fore_arm', 'forearm', 'lower_arm', 'up_leg', 'upper_leg', 'thigh'))
_SIDES = {'left': 'left', 'l': 'left', 'right': 'right', 'r': 'right'}
_WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+')


def _turned(table: dict[str, str]) -> dict[str, str]:
    return {name: common for common, names in table.items() for name in names.split()}


_COMMON_MIDDLE, _COMMON_SIDED, _COMMON_RIG = map(_turned, (_MIDDLE, _SIDED, _RIG))


def common_names(joints: Iterable[str]) -> list[str]:
    """Return the common name of each joint of a skeleton.

    The common name of ``hip_centre``, ``SpineBase`` and ``Hips`` is ``pelvis``, and that of
    ``LeftForeArm`` in a rig is ``elbow_left``. An unknown name only changes to small letters. If
    several joints would have the same common name, only the first one gets it, and the others keep
    their own names.

    Args:
        joints (Iterable[str]): Names of all joints of a skeleton.

    Returns:
        list[str]: One name for each joint. The names are different if those of ``joints`` are.
    """
    split = [_split(name) for name in joints]
    sided = _COMMON_SIDED
    if any(side and rest in _RIG_ONLY for rest, side in split):
        sided = _COMMON_SIDED | _COMMON_RIG
    found: list[str] = []
    for rest, side in split:
        known = sided if side else _COMMON_MIDDLE
        own, common = ('_'.join(filter(None, (x, side))) for x in (rest, known.get(rest, rest)))
        found.append(own if common in found else common)
    return found


def _split(name: str) -> tuple[str, str]:
    """Split ``LeftUpLeg`` or ``upper_leg_left`` into the words without a side, and the side."""
    words = [word.lower() for word in _WORD.findall(name.rpartition(':')[2])]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    rest = '_'.join(word for word in words if word not in _SIDES)
    return (rest, sides[0]) if rest and sides else ('_'.join(words), '')

"""Find names, sides and limbs in the rig of a motion-capture file, and turn the body."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

_SIDES = {'l': 'left', 'left': 'left', 'r': 'right', 'right': 'right'}
_WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+')


def plain_name(name: str) -> str:
    """Return the name of a joint in the style of the layouts, ``hand_left`` for ``LeftHand``.

    A prefix that ends in a colon is dropped. The side is written out and comes last.
    """
    words = [word.lower() for word in _WORD.findall(name.rpartition(':')[2])]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    rest = [word for word in words if word not in _SIDES]
    return '_'.join([*rest, *sides[:1]]) or name


@dataclass(frozen=True)
class Rig:
    """The joints of a motion-capture file that move with the body.

    Attributes:
        kept (tuple[int, ...]): Index of each joint among all joints of the file. The hips come
            first.
        joints (tuple[str, ...]): Name of each joint, see :func:`plain_name`.
        parents (tuple[int, ...]): For each joint, the index of its parent; 0 for the hips.
        lengths (tuple[float, ...]): For each joint, the length of the bone from its parent, in the
            unit of the file.
    """

    kept: tuple[int, ...]
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    lengths: tuple[float, ...]

    @classmethod
    def find(cls, names: Sequence[str], parents: Sequence[int], positions: np.ndarray) -> 'Rig':
        """Keep the hips and all joints below them. The hips are the first joint with two children.

        Args:
            names (Sequence[str]): Names of all joints in the file.
            parents (Sequence[int]): Parent of each joint; it comes before the joint. -1 for the
                root.
            positions (np.ndarray): Joints of one frame, (V, 3), in the unit of the file.
        """
        children = [
            [j for j, parent in enumerate(parents) if parent == i] for i in range(len(names))
        ]
        hips = 0
        while len(children[hips]) == 1:
            hips = children[hips][0]
        kept = [hips]
        for joint, parent in enumerate(parents):
            if parent in kept:
                kept.append(joint)
        plain = [plain_name(names[joint]) for joint in kept]
        if len(set(plain)) < len(plain):
            plain = [names[joint] for joint in kept]
        places = [0, *(kept.index(parents[joint]) for joint in kept[1:])]
        bones = positions[kept] - positions[kept][places]
        lengths = np.linalg.norm(bones, axis=-1)
        return cls(tuple(kept), tuple(plain), tuple(places), tuple(lengths.tolist()))

    def _side(self, joint: int) -> str | None:
        words = self.joints[joint].split('_')
        return next((side for side in ('left', 'right') if side in words), None)

    @cached_property
    def limbs(self) -> dict[str, list[int]] | None:
        """The joints of trunk, both arms and both legs; None if a limb is not found.

        A limb begins at the first joint with a side in its name. A limb at the hips is a leg.
        """
        tops: list[int | None] = [None]
        for joint in range(1, len(self.joints)):
            above = tops[self.parents[joint]]
            tops.append(joint if above is None and self._side(joint) else above)
        limbs: dict[str, list[int]] = {'trunk': []}
        limbs |= {f'{kind}_{side}': [] for kind in ('arm', 'leg') for side in ('left', 'right')}
        for joint, top in enumerate(tops):
            if top is None:
                limbs['trunk'].append(joint)
            else:
                kind = 'leg' if self.parents[top] == 0 else 'arm'
                limbs[f'{kind}_{self._side(top)}'].append(joint)
        return limbs if all(limbs.values()) else None

    def _pair(self, kind: str) -> tuple[int, int]:
        """Return the first left and the first right joint that are not at the root of a limb."""
        pair = []
        for side in ('left', 'right'):
            chain = self.limbs[f'{kind}_{side}']
            apart = (joint for joint in chain if self.lengths[joint] > 0.01 * self.stature)
            pair.append(next(apart, chain[0]))
        return pair[0], pair[1]

    @cached_property
    def stature(self) -> float:
        """Length of the bones from the farther foot through the hips to the head, in file units."""
        reach = [0.0]
        for joint in range(1, len(self.joints)):
            reach.append(reach[self.parents[joint]] + self.lengths[joint])
        if self.limbs is None:
            return max(reach)
        legs = self.limbs['leg_left'] + self.limbs['leg_right']
        return max(reach[joint] for joint in legs) + max(reach[j] for j in self.limbs['trunk'])

    def layout(self, name: str) -> dict[str, Any]:
        """Return the fields of a layout of these joints. The layout does not turn bodies."""
        fields: dict[str, Any] = dict(
            name=name, joints=list(self.joints), parents=list(self.parents), centre=0
        )
        if self.limbs is not None:
            fields['trunk'] = self.parents[self.limbs['arm_left'][0]]
            fields['hips'] = list(self._pair('leg'))
            fields['parts'] = [
                self.limbs[limb]
                for limb in ('trunk', 'arm_left', 'arm_right', 'leg_left', 'leg_right')
            ]
        return fields

    def face_the_sensor(self, positions: np.ndarray) -> np.ndarray:
        """Turn a sequence about the vertical, so that the body faces the sensor in the first frame.

        After that, the right side of the body is at +x and the body looks along -z, as in the data
        of Kinect sensors. The lean of the body does not change.

        Args:
            positions (np.ndarray): Joints (T, V, 3), y up.

        Returns:
            np.ndarray: Shape (T, V, 3), in the unit of the input.
        """
        if self.limbs is None:
            return positions
        right = np.zeros(3)
        for left_joint, right_joint in (self._pair('arm'), self._pair('leg')):
            right += positions[0, right_joint] - positions[0, left_joint]
        x, z = right[0], right[2]
        length = np.hypot(x, z)
        if length < 1e-6:
            return positions
        turn = np.array([[x, 0, -z], [0, length, 0], [z, 0, x]]) / length
        return positions @ turn

"""The archive of Bandai-Namco-Research-Motiondataset-2: ``bandai2.npz``."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np

from mmcmd.skeletons import BANDAI2

from ..actions import ACTIONS
from ..kinematics import Array, joint
from ..plan import Plan
from ..recording import simulate
from .base import SOLO, Format, Unit

STYLES = ('active', 'elderly', 'exhausted', 'feminine', 'masculine', 'normal', 'youthful')
_EVERY = 2  # keep every second frame: 15 frames per second

# A joint of the layout is the mean of two simulated joints, which may be the same.
_TRUNK = {
    'hips': ('spine_base', 'spine_base'),
    'spine': ('spine_base', 'spine_mid'),
    'chest': ('spine_mid', 'spine_mid'),
    'neck': ('neck', 'neck'),
    'head': ('head', 'head'),
}
_LIMBS = {
    'upper_arm': 'shoulder',
    'lower_arm': 'elbow',
    'hand': 'wrist',
    'upper_leg': 'hip',
    'lower_leg': 'knee',
    'foot': 'ankle',
    'toes': 'foot',
}


def _halves(name: str) -> tuple[int, int]:
    part, _, side = name.rpartition('_')
    if part == 'shoulder':  # the collar bone
        pair = ('spine_shoulder', name)
    elif side in ('left', 'right'):
        pair = (f'{_LIMBS[part]}_{side}',) * 2
    else:
        pair = _TRUNK[name]
    return joint(pair[0]), joint(pair[1])


_PAIRS = np.array([_halves(name) for name in BANDAI2.joints])


class Bandai2Format(Format):
    """One file for all performances. There are no cameras. Each subject has one of the styles."""

    title = 'Bandai-Namco-Research-Motiondataset-2'
    actions = SOLO

    def units(self, plan: Plan) -> list[Unit]:
        """Write all performances in one unit."""
        return [tuple(plan.performances(self.actions))]

    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the name of the file."""
        return ['bandai2.npz']

    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Simulate all performances, and return the file."""
        motions = [_capture(simulate(plan.seed, performance)[0]) for performance in unit]
        subjects, _, numbers = np.array(unit).T
        labels = np.array([self.actions.index(number) for number in numbers.tolist()])
        file = BytesIO()
        np.savez(
            file,
            keypoint=np.concatenate(motions).astype(np.float16),
            total_frames=np.array([len(motion) for motion in motions], np.int32),
            label=labels.astype(np.int16),
            style=((subjects - 1) % len(STYLES)).astype(np.int16),
            frame_dir=np.array([f'synthetic_a{a:02}_s{s:03}_r{r:03}' for s, r, a in unit]),
            class_names=np.array([ACTIONS[n - 1].name for n in self.actions[: plan.actions]]),
            style_names=np.array(STYLES),
            joint_names=np.array(BANDAI2.joints),
            parents=np.array([-1, *BANDAI2.parents[1:]], np.int16),
        )
        for name in names:
            yield name, file.getvalue()


def _capture(body: Array) -> Array:
    """Return the joints of the layout (T', 21, 3), with the axes of the data set."""
    return body[::_EVERY, _PAIRS].mean(axis=2) * [-1, 1, -1]

"""The text files of UTKinect-Action3D: ``joints/joints_s01_e01.txt`` and ``actionLabel.txt``."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from mmcmd.datasets.converters import utkinect

from ..kinematics import Array
from ..plan import Performance, Plan
from ..recording import simulate
from .base import SOLO, Format, Unit
from .kinect_v1 import record_person

_STEP = 2  # every second frame has a skeleton
_PAUSE = 100  # frames between two actions
_REPEAT = 25  # every 25th frame has two lines with the same number


class UTKinectFormat(Format):
    """One file per subject and replication (the episode), with all actions one after the other."""

    title = 'UTKinect-Action3D'
    actions = SOLO[: len(utkinect.CLASSES)]
    limits = {'subjects': 99, 'replications': 99}  # noqa: RUF012

    def units(self, plan: Plan) -> list[Unit]:
        """Return a unit for the list of the actions, and one unit per recording."""
        return [(), *self._recordings(plan)]

    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the name of the file of a recording, or of the list."""
        return [f'joints/joints_{_stem(unit)}.txt'] if unit else [utkinect.LABELS]

    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Record the actions, or write the list of their frames."""
        for name in names:
            text = self._recording(plan, unit) if unit else self._list(plan)
            yield name, ''.join(text).encode()

    def _recordings(self, plan: Plan) -> list[Unit]:
        performances = plan.performances(self.actions)
        return [tuple(unit) for _, unit in groupby(performances, key=lambda p: p[:2])]

    def _recording(self, plan: Plan, unit: Unit) -> Iterator[str]:
        """Yield a line for each frame."""
        rng = np.random.default_rng([plan.seed, 7, *unit[0][:2]])
        for start, joints, _ in _stage(plan, unit):
            for index, frame in enumerate(joints.reshape(len(joints), -1)):
                guesses = [frame]
                if index % _REPEAT == _REPEAT - 1:
                    guesses.append(frame + rng.normal(0, 0.01, frame.shape))
                for guess in guesses:
                    numbers = '  '.join(f'{value:.6f}' for value in guess.tolist())
                    yield f'{start + _STEP * index}   {numbers}\n'

    def _list(self, plan: Plan) -> Iterator[str]:
        for unit in self._recordings(plan):
            yield f'{_stem(unit)}\n'
            for start, joints, (_, _, number) in _stage(plan, unit):
                action = utkinect.CLASSES[self.actions.index(number)]
                yield f'{action}: {start} {start + _STEP * (len(joints) - 1)}\n'


def _stem(unit: Unit) -> str:
    subject, replication, _ = unit[0]
    return f's{subject:02}_e{replication:02}'


def _stage(plan: Plan, unit: Unit) -> Iterator[tuple[int, Array, Performance]]:
    """Yield the number of the first frame, the joints and the performance of each action."""
    start = _PAUSE
    camera = 2 if 2 in plan.cameras else plan.cameras[0]
    for performance in unit:
        joints = record_person(plan, performance, simulate(plan.seed, performance), camera)
        yield start, joints, performance
        start += _STEP * len(joints) + _PAUSE

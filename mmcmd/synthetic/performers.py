"""The subjects. Each has its own body proportions, tempo and style."""

from dataclasses import dataclass

import numpy as np

from .kinematics import CHAIN, PROPORTIONS, Array, joint

_ARM = ('elbow', 'wrist', 'hand', 'hand_tip', 'thumb')
_LEG = ('knee', 'ankle', 'foot')
_HABITS = {'bend': 4.0, 'nod': 6.0, 'right_spread': 4.0, 'left_spread': 4.0, 'right_elbow': 9.0}
_HABITS |= {'left_elbow': 9.0, 'right_hip_out': 3.0, 'left_hip_out': 3.0, 'twist': 4.0}


@dataclass(frozen=True)
class Performer:
    """One subject.

    Attributes:
        offsets (Array): Bones at rest in metres, (V, 3).
        tempo (float): Factor of the speed of movements, 1 on average.
        reach (float): Factor of the size of movements, 1 on average.
        smoothing (float): Standard deviation, in frames, of the Gaussian filter over movements.
        sway (float): Size of unintended movements in degrees.
        habits (dict[str, float]): Difference between the posture and upright standing, in degrees.
        lefty (float): Probability that the left side is the leading side.
    """

    offsets: Array
    tempo: float
    reach: float
    smoothing: float
    sway: float
    habits: dict[str, float]
    lefty: float


def make_performer(seed: int, subject: int) -> Performer:
    """Draw a subject. The same seed and number give the same subject.

    Args:
        seed (int): Seed of the data set.
        subject (int): Number of the subject.
    """
    rng = np.random.default_rng([seed, 1, subject])
    return Performer(
        offsets=_draw_bones(rng),
        tempo=float(rng.uniform(0.75, 1.3)),
        reach=float(rng.uniform(0.86, 1.12)),
        smoothing=float(rng.uniform(0.8, 2.2)),
        sway=float(rng.uniform(1.0, 3.0)),
        habits={name: float(rng.normal(0, width)) for name, width in _HABITS.items()},
        lefty=0.85 if rng.random() < 0.15 else 0.2,
    )


def _draw_bones(rng: np.random.Generator) -> Array:
    height = rng.uniform(1.5, 1.95)
    arm, leg, shoulders, hips = rng.normal(1, [0.05, 0.04, 0.07, 0.06])
    scale = np.ones((len(PROPORTIONS), 3))
    for side in ('left', 'right'):
        scale[[joint(f'{name}_{side}') for name in _ARM]] = arm
        scale[[joint(f'{name}_{side}') for name in _LEG]] = leg
        scale[joint(f'shoulder_{side}'), 0] = shoulders
        scale[joint(f'hip_{side}'), 0] = hips
    offsets = PROPORTIONS * scale
    # Scale the distance from head to sole, so that the body has the drawn height for all
    # proportions. 0.07 is the part above the head joint.
    upright = np.zeros_like(offsets)
    for index, parent in CHAIN:
        upright[index] = upright[parent] + offsets[index]
    return offsets * height * (1 - 0.07) / np.ptp(upright[:, 1])

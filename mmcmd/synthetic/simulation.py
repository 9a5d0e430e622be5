"""Simulate the bodies of one performance in world coordinates, without a sensor.

World frame: in metres, y points up from the floor, and z points away from the frontal camera. The
persons stand near the origin.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from .actions import Action, Move
from .kinematics import Array, forward_kinematics, joint, pose_angles, stand_on_floor
from .performers import Performer

FPS = 30
MIN_FRAMES, MAX_FRAMES = 40, 160

_SWAYING = ('bend', 'lean', 'twist', 'nod', 'tilt', 'right_hip', 'left_hip')
_SWAYING_ARMS = tuple(f'{side}_{name}' for side in ('right', 'left') for name in ('raise', 'elbow'))
# Postures before the action. Degrees of freedom that the action does not use keep their values.
_POSTURES: tuple[dict[str, float], ...] = (
    {},
    {},
    {'both_raise': 22, 'both_elbow': 70, 'both_inward': 40},  # hands together in front of the body
    {'off_spread': 38, 'off_elbow': 75, 'off_inward': 35, 'off_raise': -15},  # hand on the hip
    {'both_raise': -22, 'both_elbow': 22, 'both_inward': 30},  # hands behind the back
    {'lead_raise': 10, 'lead_elbow': 60, 'off_hip_out': 8},  # ready for the action
)
_SEATED = {'both_sit': 84.0, 'both_raise': 20.0, 'both_elbow': 30.0}
# Movements of the unused arm: scratch, look at the watch, adjust the clothes.
_FIDGETS = (
    {'off_raise': 40, 'off_elbow': 125, 'off_inward': 20},
    {'off_raise': 45, 'off_elbow': 85, 'off_inward': 35},
    {'off_raise': 10, 'off_elbow': 50, 'twist': 15},
)


@dataclass(frozen=True)
class Script:
    """The timing of a performance. All persons of the performance share it.

    Attributes:
        phase (Array): Phase of the action in [0, 1], (T,). It is constant in the pauses.
        count (int): Number of repetitions.
    """

    phase: Array
    count: int

    def delayed(self, frames: int) -> 'Script':
        """Return the script with a delay of some frames."""
        phase = np.concatenate([np.full(frames, self.phase[0]), self.phase])
        return Script(phase[: len(self.phase)], self.count)


def write_script(action: Action, tempo: float, rng: np.random.Generator) -> Script:
    """Draw the timing: pauses, duration, smooth changes of speed, number of repetitions."""
    count = int(rng.integers(action.repeats[0], action.repeats[1] + 1))
    active = round(rng.uniform(*action.seconds) / tempo * FPS)
    active = int(np.clip(active, 30, MAX_FRAMES - 20))
    before, after = rng.integers(2, 28, 2)
    total = int(np.clip(before + active + after, MIN_FRAMES, MAX_FRAMES))
    before = min(int(before), total - active)
    speed = np.exp(0.35 * _smooth_noise(rng, active, 1, active / 5)[:, 0])
    phase = np.ones(total)
    phase[:before] = 0
    phase[before : before + active] = np.cumsum(speed) / speed.sum()
    return Script(phase, count)


def perform(
    action: Action, performers: tuple[Performer, ...], rng: np.random.Generator
) -> list[Array]:
    """Simulate one performance.

    Args:
        action (Action): The action.
        performers (tuple[Performer, ...]): One performer, or two if the action has a partner.
        rng (np.random.Generator): Source of the random differences between performances.

    Returns:
        list[Array]: Joints of each body in metres in the world frame, (T, V, 3).
    """
    script = write_script(action, performers[0].tempo, rng)
    first, lead = _act(action.moves, script, performers[0], rng, action.seatable)
    facing = rng.uniform(-40, 40)
    spot = np.array([rng.uniform(-0.4, 0.4), 0, rng.uniform(-0.3, 0.3)])
    if not action.partner:
        return [_turn(first, facing) + spot]

    late = round(action.lag * FPS) + int(rng.integers(0, 5))
    second, partner_lead = _act(action.partner, script.delayed(late), performers[1], rng, False)
    # Each body looks along -z. Choose the gap so that the joints meet in the middle of the action.
    touch = np.argmin(abs(script.phase - 0.5))
    reach = -first[touch, joint(_led(action.touch[0], lead)), 2]
    partner_reach = -second[touch, joint(_led(action.touch[1], partner_lead)), 2]
    gap = reach + partner_reach + action.touch[2] + rng.normal(0, 0.05)
    half = np.array([0, 0, gap / 2])
    aside = np.array([rng.normal(0, 0.05), 0, 0])
    # The frontal camera sees the pair from the side, either left or right.
    facing += rng.choice([-90, 90])
    return [_turn(first + half, facing) + spot, _turn(second + half + aside, facing + 180) + spot]


def _act(
    moves: tuple[Move, ...],
    script: Script,
    performer: Performer,
    rng: np.random.Generator,
    seatable: bool,
) -> tuple[Array, str]:
    length = len(script.phase)
    lead = 'left' if rng.random() < performer.lefty else 'right'
    freedoms: dict[str, Array] = {}
    lift = np.zeros(length)

    def add(name: str, degrees: Array | float) -> None:
        for freedom in _resolve(name, lead):
            freedoms[freedom] = freedoms.get(freedom, np.zeros(length)) + degrees

    used = {freedom for move in moves for freedom in _resolve(move.freedom, lead)}
    posture = _POSTURES[rng.integers(len(_POSTURES))]
    if seatable and rng.random() < 0.25:
        posture = _SEATED
    engaged = np.clip(script.phase * 5, 0, 1) * np.clip((1 - script.phase) * 5, 0, 1)
    for name, degrees in posture.items():
        for freedom in _resolve(name, lead):
            add(freedom, degrees * rng.normal(1, 0.2) * (1 - engaged * (freedom in used)))
    for name, degrees in performer.habits.items():
        add(name, degrees)
    for move in moves:
        share = move.curve(script.phase, script.count) * rng.normal(performer.reach, 0.07)
        if move.freedom == 'lift':
            lift += move.amount * share
        else:
            add(move.freedom, move.amount * share)
    if rng.random() < 0.35:
        _fidget(add, used, lead, length, rng)
    for names, size in ((_SWAYING, 1.0), (_SWAYING_ARMS, 1.6)):
        noise = _smooth_noise(rng, length, len(names), rng.uniform(8, 20))
        for name, sway in zip(names, noise.T, strict=True):
            add(name, size * performer.sway * sway)

    angles = gaussian_filter1d(pose_angles(freedoms, length), performer.smoothing, axis=0)
    return stand_on_floor(forward_kinematics(performer.offsets, angles), lift), lead


def _fidget(add, used: set[str], lead: str, length: int, rng: np.random.Generator) -> None:  # noqa: ANN001
    centre, width = rng.uniform(0, length), rng.uniform(6, 16)
    bump = np.exp(-0.5 * ((np.arange(length) - centre) / width) ** 2) * rng.uniform(0.5, 1.0)
    for name, degrees in _FIDGETS[rng.integers(len(_FIDGETS))].items():
        if used.isdisjoint(_resolve(name, lead)):
            add(name, degrees * bump)


def _resolve(name: str, lead: str) -> tuple[str, ...]:
    """Replace ``lead``, ``off`` or ``both`` in the name of a degree of freedom by sides."""
    whose, _, rest = name.partition('_')
    off = 'right' if lead == 'left' else 'left'
    sides = {'lead': (lead,), 'off': (off,), 'both': ('right', 'left')}.get(whose)
    return tuple(f'{side}_{rest}' for side in sides) if sides else (name,)


def _led(name: str, lead: str) -> str:
    return name if name.startswith('spine') else f'{name}_{lead}'


def _smooth_noise(rng: np.random.Generator, length: int, width: int, sigma: float) -> Array:
    """Draw smooth noise (length, width) of unit variance. It changes over ``sigma`` frames."""
    noise = gaussian_filter1d(rng.standard_normal((length, width)), sigma, axis=0)
    return noise * np.sqrt(2 * sigma * np.sqrt(np.pi))


def _turn(points: Array, degrees: float) -> Array:
    return points @ Rotation.from_euler('Y', degrees, degrees=True).as_matrix().T

"""Simulated depth cameras: viewpoints, noise, lost bodies and spurious bodies (ghosts)."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from mmcmd.skeletons import NTU

from .kinematics import Array, joint

INFERRED, TRACKED = 1, 2  # tracking states of a joint (Kinect)

_NOISE = np.full(NTU.num_joints, 0.006)  # metres
_LIMBS: list[list[int]] = []
for _side in ('left', 'right'):
    _arm = [joint(f'{name}_{_side}') for name in ('elbow', 'wrist', 'hand', 'hand_tip', 'thumb')]
    _leg = [joint(f'{name}_{_side}') for name in ('knee', 'ankle', 'foot')]
    _NOISE[_arm], _NOISE[_leg] = (0.008, 0.012, 0.016, 0.024, 0.024), (0.008, 0.014, 0.02)
    _LIMBS += [_arm[1:], _leg]


@dataclass(frozen=True)
class Camera:
    """One viewpoint.

    Attributes:
        turn (float): Rotation about the vertical axis from the frontal view, in degrees.
        height (float): Height above the floor in metres.
        distance (float): Distance to the middle of the scene in metres.
        tilt (float): Angle by which the camera looks down, in degrees.
    """

    turn: float
    height: float
    distance: float
    tilt: float

    def view(self, points: Array) -> Array:
        """Convert world coordinates (..., 3) to camera coordinates: x right, y up, z depth."""
        rotation = Rotation.from_euler('XY', [self.tilt, self.turn], degrees=True).as_matrix()
        lever = np.array([0, -self.height, 0])
        tilt = Rotation.from_euler('X', self.tilt, degrees=True).as_matrix()
        return points @ rotation.T + tilt @ lever + [0, 0, self.distance]


def make_camera(seed: int, setup: int, camera: int) -> Camera:
    """Return camera 1 (-45 degrees), 2 (0) or 3 (+45). The setup sets heights and distances."""
    rng = np.random.default_rng([seed, 2, setup])
    distances, heights = rng.uniform(3.1, 3.8, 3), rng.uniform(0.9, 1.9, 3)
    height = heights[camera - 1]
    return Camera((camera - 2) * 45.0, height, distances[camera - 1], 8 * (height - 0.9))


@dataclass
class Track:
    """One body in the output of the sensor.

    Attributes:
        joints (Array): Camera coordinates in metres, (T, V, 3).
        states (Array): Tracking state of each joint, (T, V).
        present (Array): True in frames in which the sensor detected the body, (T,).
    """

    joints: Array
    states: Array
    present: Array


def observe(bodies: list[Array], camera: Camera, rng: np.random.Generator) -> list[Track]:
    """Record a performance.

    Args:
        bodies (list[Array]): World coordinates in metres, each (T, V, 3).
        camera (Camera): The camera.
        rng (np.random.Generator): Source of the random errors of the sensor.

    Returns:
        list[Track]: The bodies, with ghosts, in their order in the frames.
    """
    tracks = [_measure(camera.view(body), rng) for body in bodies]
    length = len(bodies[0])
    for track in tracks:
        if rng.random() < 0.15:
            _lose(track, int(rng.integers(0, length)), int(rng.integers(1, 10)))
        if rng.random() < 0.08:
            _lose(track, 0, int(rng.integers(1, 10)))
    if len(tracks) > 1:
        late = tracks[rng.integers(2)]
        if rng.random() < 0.15:
            _lose(late, 0, int(rng.uniform(0.08, 0.3) * length))
        if rng.random() < 0.1:
            _lose(late, int(rng.uniform(0.7, 0.95) * length), length)
        tracks = [tracks[index] for index in rng.permutation(2)]
    if not any(track.present.any() for track in tracks):
        tracks[0].present[:] = True
    if rng.random() < 0.12:
        place = 0 if rng.random() < 0.35 else len(tracks)
        tracks.insert(place, _ghost(tracks[0].joints, rng))
    return tracks


def _lose(track: Track, start: int, frames: int) -> None:
    track.present[start : start + frames] = False


def _measure(joints: Array, rng: np.random.Generator) -> Track:
    length = len(joints)
    white = rng.standard_normal(joints.shape)
    # Half of the error changes slowly over time. The error is largest in depth.
    slow = 2.2 * gaussian_filter1d(rng.standard_normal(joints.shape), 2, axis=0)
    scale = _NOISE[:, None] * [0.8, 0.8, 1.2]
    noisy = joints + scale * (0.6 * white + 0.8 * slow)
    states = np.full(joints.shape[:2], TRACKED)
    for limb in _LIMBS:
        # A limb behind the trunk is hidden more often.
        hidden = np.mean(joints[:, limb, 2]) - np.mean(joints[:, 0, 2])
        if rng.random() < 0.12 + 1.2 * np.clip(hidden, 0, 0.3):
            start, frames = int(rng.integers(0, length)), int(rng.integers(3, 18))
            burst = slice(start, start + frames)
            offset = rng.normal(0, 0.07, (1, 1, 3)) + rng.normal(0, 0.03, (1, len(limb), 3))
            jump = rng.normal(0, 0.03, (len(noisy[burst]), len(limb), 3))
            noisy[burst, limb] += offset + jump
            states[burst, limb] = INFERRED
    return Track(noisy, states, np.ones(length, bool))


def _ghost(joints: Array, rng: np.random.Generator) -> Track:
    """Simulate a spurious body, such as a chair or a shadow, that is seen for a short time."""
    length = len(joints)
    still = joints[rng.integers(length)]
    still = still.mean(0) + (still - still.mean(0)) * rng.uniform(0.3, 0.9, 3)
    spot = np.array([rng.choice([-1, 1]) * rng.uniform(0.7, 1.3), 0, rng.uniform(-0.2, 0.6)])
    # Most ghosts stand still. Some flicker and have more motion energy than the person.
    restless = 0.25 if rng.random() < 0.1 else rng.uniform(0.003, 0.02)
    body = still + spot + restless * rng.standard_normal(joints.shape)
    present = np.zeros(length, bool)
    start, frames = int(rng.integers(0, length - 5)), int(rng.integers(5, 40))
    present[start : start + frames] = rng.random(len(present[start : start + frames])) < 0.8
    present[start] = True
    return Track(body, np.full(joints.shape[:2], INFERRED), present)

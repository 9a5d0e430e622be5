"""The synthetic data must not be trivial, so that good and bad representations differ."""

import numpy as np
from scipy.spatial.transform import Rotation

from mmcmd.synthetic import Plan, record, simulate

TRAINING = {1, 2, 4, 5, 8, 9, *range(13, 20)}  # subjects up to 20 in NTU's cross-subject split
FRAMES = 32


def read(tracks):
    """Keep the two bodies with the most energy, in the order of the list, (2, T, V, 3)."""
    bodies = np.zeros((4, len(tracks[0].present), 25, 3))
    for time in range(bodies.shape[1]):
        seen = [track.joints[time] for track in tracks if track.present[time]]
        bodies[: len(seen), time] = seen or 0
    energy = [body[body.any((1, 2))].std((0, 1)).sum() if body.any() else 0 for body in bodies]
    return bodies[np.argsort(energy)[::-1][:2]]


def turn(source, target):
    axis, target = np.cross(source, target), np.array(target, dtype=float)
    angle = np.arctan2(np.linalg.norm(axis), source @ target)
    return Rotation.from_rotvec(axis / max(np.linalg.norm(axis), 1e-9) * angle)


def flatten(bodies):
    """Centre, align and resample like the raw baseline; return 2 x 32 x 25 x 3 numbers."""
    first = bodies[0].any((1, 2))
    bodies = bodies[:, first]
    moved = np.where(bodies == 0, 0, bodies - bodies[0, :, None, 1])
    for (start, end), target in (((0, 1), (0, 0, 1)), ((4, 8), (1, 0, 0))):
        rotation = turn(moved[0, 0, end] - moved[0, 0, start], target)
        moved = moved @ rotation.as_matrix().T
    place = np.linspace(0, moved.shape[1] - 1, FRAMES)
    low = np.minimum(place.astype(int), moved.shape[1] - 2)
    share = (place - low)[:, None, None]
    return (moved[:, low] * (1 - share) + moved[:, low + 1] * share).ravel()


def test_nearest_neighbour_on_raw_coordinates_is_neither_perfect_nor_lost():
    plan = Plan(subjects=20, actions=12, replications=1, cameras=(2,))
    performances = plan.performances()
    samples = np.array([flatten(read(record(0, p, simulate(0, p), 2))) for p in performances])
    subjects, _, labels = np.array(performances).T
    train = np.isin(subjects, list(TRAINING))
    gallery, queries = samples[train], samples[~train]
    distance = (gallery**2).sum(1) - 2 * queries @ gallery.T
    accuracy = np.mean(labels[train][distance.argmin(1)] == labels[~train])
    assert 3 / plan.actions < accuracy < 0.85

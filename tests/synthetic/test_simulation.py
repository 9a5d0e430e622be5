import numpy as np
import pytest

from mmcmd.synthetic import ACTIONS, Plan, record, simulate
from mmcmd.synthetic.kinematics import CHAIN
from mmcmd.synthetic.plan import setup_of
from mmcmd.synthetic.sensor import make_camera

PLAN = Plan(subjects=6, replications=1)


@pytest.fixture(scope='module')
def simulated():
    return {performance: simulate(PLAN.seed, performance) for performance in PLAN.performances()}


@pytest.fixture(scope='module')
def recorded(simulated):
    return {
        (performance, camera): record(PLAN.seed, performance, bodies, camera)
        for performance, bodies in simulated.items()
        for camera in PLAN.cameras
    }


def test_bones_keep_their_length(simulated):
    for bodies in simulated.values():
        for body in bodies:
            bones = np.stack([body[:, joint] - body[:, parent] for joint, parent in CHAIN], axis=1)
            lengths = np.linalg.norm(bones, axis=-1)
            np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape))


def test_bodies_are_human_and_stand_on_the_floor(simulated):
    for bodies in simulated.values():
        for body in bodies:
            assert body.shape[1:] == (25, 3)
            assert 40 <= len(body) <= 160
            assert -0.05 < body[..., 1].min() < 0.1
            assert body[:, 3, 1].max() < 2.3


def test_two_person_actions_have_two_bodies(simulated):
    pairs = [number for number, action in enumerate(ACTIONS, start=1) if action.partner]
    assert len(pairs) >= 3
    for (_, _, action), bodies in simulated.items():
        assert len(bodies) == (2 if action in pairs else 1)


def test_cameras_see_the_same_performance_from_other_sides(simulated):
    performance = (1, 1, 1)
    body = simulated[performance][0]
    views = [make_camera(0, setup_of(1), camera).view(body) for camera in (1, 2, 3)]
    for view in views:
        assert view[..., 2].min() > 2
        assert view[..., 2].max() < 5
        np.testing.assert_allclose(
            np.linalg.norm(view[:, 3] - view[:, 0], axis=-1),
            np.linalg.norm(body[:, 3] - body[:, 0], axis=-1),
        )
    assert abs(views[0] - views[2]).max() > 0.2


def test_sensor_loses_delays_and_invents_bodies(simulated, recorded):
    ghosts_first = ghosts = lost = lost_at_start = empty_frames = 0
    for (performance, _), tracks in recorded.items():
        real = len(simulated[performance])
        ghosts += len(tracks) > real
        ghosts_first += len(tracks) > real and (tracks[0].states == 1).all()
        seen = np.stack([track.present for track in tracks])
        lost += len(tracks) == real and not seen.all()
        lost_at_start += len(tracks) == real and not seen[:, 0].all()
        empty_frames += not seen.any(0).all()
        assert seen.any()
    assert 0 < ghosts_first < ghosts < len(recorded) / 4
    assert 0 < lost_at_start < lost < len(recorded) / 2
    assert empty_frames > 0


def test_ghosts_mostly_have_less_energy(simulated, recorded):
    weaker = []
    for (performance, _), tracks in recorded.items():
        if len(tracks) > len(simulated[performance]):
            energies = [track.joints[track.present].std((0, 1)).sum() for track in tracks]
            ghost = 0 if (tracks[0].states == 1).all() else len(tracks) - 1
            weaker.append(energies[ghost] < max(energies))
    assert np.mean(weaker) > 0.6

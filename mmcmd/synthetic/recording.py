"""Simulate and record one performance. The result depends only on the seed and its numbers."""

import numpy as np

from .actions import ACTIONS
from .kinematics import Array
from .performers import make_performer
from .plan import Performance, setup_of
from .sensor import Track, make_camera, observe
from .simulation import perform

_FIRST_PARTNER = 1000  # the second person is never one of the subjects


def simulate(seed: int, performance: Performance) -> list[Array]:
    """Simulate a performance. Return the world coordinates (T, V, 3) of each body."""
    subject, _, number = performance
    action = ACTIONS[number - 1]
    rng = np.random.default_rng([seed, 3, setup_of(subject), *performance])
    performers = [make_performer(seed, subject)]
    if action.partner:
        performers.append(make_performer(seed, _FIRST_PARTNER + int(rng.integers(100))))
    return perform(action, tuple(performers), rng)


def record(seed: int, performance: Performance, bodies: list[Array], camera: int) -> list[Track]:
    """Record simulated bodies (T, V, 3) with one camera (1, 2 or 3)."""
    setup = setup_of(performance[0])
    rng = np.random.default_rng([seed, 4, setup, camera, *performance])
    return observe(bodies, make_camera(seed, setup, camera), rng)

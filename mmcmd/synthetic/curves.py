"""Curves over time for the moves of an action.

A curve maps the phase (T,) of the action, in [0, 1], and its number of repetitions to factors (T,)
for the amount of a move.
"""

from collections.abc import Callable

import numpy as np

from .kinematics import Array

Curve = Callable[[Array, int], Array]


def _ramp(phase: Array, start: float, end: float) -> Array:
    x = np.clip((phase - start) / (end - start), 0, 1)
    return x * x * (3 - 2 * x)


def hold(phase: Array, count: int) -> Array:
    """Move to the position, stay there, and move back."""
    return _ramp(phase, 0, 0.3) * (1 - _ramp(phase, 0.72, 1))


def stay(phase: Array, count: int) -> Array:
    """Move to the position and stay there."""
    return _ramp(phase, 0, 0.8)


def swing(phase: Array, count: int) -> Array:
    """Swing to both sides ``count`` times, while the limb is at the position."""
    return (
        _ramp(phase, 0.05, 0.2) * (1 - _ramp(phase, 0.8, 0.95)) * np.sin(2 * np.pi * count * phase)
    )


def middle(phase: Array, count: int) -> Array:
    """Move to the position and back once, in the middle of the action."""
    return _ramp(phase, 0.25, 0.5) * (1 - _ramp(phase, 0.55, 0.85))


def window(start: float, end: float) -> Curve:
    """Return a curve that moves forth and back in a part of each of ``count`` repetitions."""

    def curve(phase: Array, count: int) -> Array:
        within = (phase * count) % 1.0
        return np.sin(np.pi * np.clip((within - start) / (end - start), 0, 1)) ** 2

    return curve


def stride(sign: float, until: float = 1.0) -> Curve:
    """Return the curve of a leg that swings forward and back. The legs have opposite signs."""

    def curve(phase: Array, count: int) -> Array:
        fade = 1 - _ramp(phase, 0.8 * until, until)
        return sign * fade * np.sin(2 * np.pi * count * phase)

    return curve


def step(sign: float, until: float = 1.0) -> Curve:
    """Return the curve of a knee that bends while its leg swings forward in :func:`stride`."""

    def curve(phase: Array, count: int) -> Array:
        fade = _ramp(phase, 0, 0.05) * (1 - _ramp(phase, 0.8 * until, until))
        return fade * np.maximum(0, sign * np.cos(2 * np.pi * count * phase))

    return curve

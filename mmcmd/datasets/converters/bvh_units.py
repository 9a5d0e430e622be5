"""Find the unit of length of motion capture, and change its frame rate."""

import numpy as np

from mmcmd.datasets.converters.bvh_rig import Rig
from mmcmd.errors import InputError

METRES = {'m': 1.0, 'cm': 0.01, 'mm': 0.001, 'in': 0.0254}
_STATURES = (1.0, 2.3)  # metres from sole to head; a unit is guessed only within this range
_POSSIBLE = (0.3, 3.0)  # metres; the wider range if the user gives the unit


def find_scale(rig: Rig, units: str | None, path: object) -> float:
    """Return the number of metres in one unit of a file.

    Args:
        rig (Rig): The rig of the file.
        units (str, optional): ``m``, ``cm``, ``mm`` or ``in``, or a number of metres. By default
            the one of these four in which the rig is as tall as a person.
        path (object): Name of the file in messages.

    Raises:
        InputError: If no unit fits, or the body has no possible height in the given unit.
    """
    stature = rig.stature
    if units is None:
        low, high = _STATURES
        for scale in METRES.values():
            if low <= stature * scale <= high:
                return scale
        raise InputError(
            f'{path}: the body is {stature:.4g} units tall, which fits a person neither in m, cm, '
            'mm nor in: say how many metres a unit is, for example --units '
            f'{1.7 / max(stature, 1e-9):.3g}'
        )
    if units in METRES:
        low, high = _POSSIBLE
        if not low <= stature * METRES[units] <= high:
            fits = [unit for unit, scale in METRES.items() if low <= stature * scale <= high]
            meant = f'; did you mean --units {fits[0]}?' if fits else ''
            raise InputError(
                f'{path}: with --units {units} the body is {stature * METRES[units]:.3g} m '
                f'tall{meant}'
            )
        return METRES[units]
    try:
        scale = float(units)
    except ValueError:
        scale = 0.0
    if not 0 < scale < np.inf:
        raise InputError(f'units {units!r}: expected {", ".join(METRES)} or metres a unit')
    return scale


def resample(positions: np.ndarray, rate: float, wanted: float) -> np.ndarray:
    """Return a sequence at another frame rate.

    If the old rate is a whole multiple n of the new one, every n-th frame is taken. Otherwise the
    joints are interpolated linearly between two frames.

    Args:
        positions (np.ndarray): Joints (T, V, 3).
        rate (float): Frames a second of the sequence.
        wanted (float): Frames a second of the result.
    """
    step = rate / wanted
    if abs(step - round(step)) < 0.01 and round(step) >= 1:
        return positions[:: round(step)]
    times = np.arange(0, len(positions) - 1 + 1e-9, step)
    before = np.minimum(times.astype(int), max(len(positions) - 2, 0))
    after = np.minimum(before + 1, len(positions) - 1)
    share = (times - before)[:, None, None]
    return positions[before] * (1 - share) + positions[after] * share

"""Units of length and frame rates of motion capture."""

import numpy as np

from mmcmd.datasets.converters.bvh_rig import Rig
from mmcmd.errors import InputError

METRES = {'m': 1.0, 'cm': 0.01, 'mm': 0.001, 'in': 0.0254}
_STATURES = (1.0, 2.3)  # metres from the sole to the head of the people who are recorded
_POSSIBLE = (0.3, 3.0)  # of a rig whose units are told


def find_scale(rig: Rig, units: str | None, path: object) -> float:
    """Return how many metres a unit of a file is.

    Args:
        rig (Rig): Of the file.
        units (str, optional): ``m``, ``cm``, ``mm`` or ``in``, or a number of metres. By default
            the one of these four in which the rig has the stature of a person.
        path (object): What messages call the file.

    Raises:
        InputError: If no unit fits, or the one that is given makes no person.
    """
    stature = rig.stature
    if units is None:
        low, high = _STATURES
        for scale in METRES.values():
            if low <= stature * scale <= high:
                return scale
        raise InputError(
            f'{path}: the body is {stature:.4g} units tall, which is no person in m, cm, mm or in: '
            f'say how many metres a unit is, for example --units {1.7 / max(stature, 1e-9):.3g}'
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
    """Return a sequence in another frame rate.

    Every n-th frame is taken if the rates are in whole proportion. Otherwise joints move in
    straight lines between two frames.

    Args:
        positions (np.ndarray): Joints (T, V, 3).
        rate (float): Frames a second.
        wanted (float): The same, of the result.
    """
    step = rate / wanted
    if abs(step - round(step)) < 0.01 and round(step) >= 1:
        return positions[:: round(step)]
    times = np.arange(0, len(positions) - 1 + 1e-9, step)
    before = np.minimum(times.astype(int), max(len(positions) - 2, 0))
    after = np.minimum(before + 1, len(positions) - 1)
    share = (times - before)[:, None, None]
    return positions[before] * (1 - share) + positions[after] * share

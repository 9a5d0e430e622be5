"""A guard against transforms that draw from a global random generator."""

import logging
import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from mmcmd.errors import InputError

REFUSE, WARN = 'refuse', 'warn'
SAMPLES = 16
"""Number of samples that the guard watches in each process. It misses a transform that is applied
to half of the samples with a probability of 1 in 65,536."""


class GlobalDrawGuard:
    """Refuse transforms that draw from the global generator of numpy, Python or torch.

    A worker process seeds these generators when it starts, and no checkpoint holds their state. So
    a resumed run would make different samples from an uninterrupted run, and the samples would
    depend on the number of workers. No other message would tell the user. By default, the guard
    therefore raises an error; ``'warn'`` is for trials with transforms of other packages.

    The guard watches the first samples that a process makes, and costs no time after them. It
    cannot detect a generator that a transform makes itself, such as ``numpy.random.default_rng()``.

    Args:
        action (str): ``'refuse'`` or ``'warn'``. Defaults to ``'refuse'``.

    Attributes:
        samples_left (int): Samples that this process will still watch.

    Raises:
        InputError: If ``action`` is neither of the two.
    """

    def __init__(self, action: str = REFUSE) -> None:
        if action not in (REFUSE, WARN):
            raise InputError(f'global_draws must be {REFUSE!r} or {WARN!r}, but is {action!r}')
        self.action = action
        self.samples_left = SAMPLES

    def watch(self, make: Callable[[], Any]) -> Any:
        """Make a sample, and check whether a global generator was used.

        Args:
            make (Callable): Makes the sample. It is called twice if a generator was used.

        Raises:
            InputError: If a generator was used. The message names the generator and the transform.
        """
        self.samples_left -= 1
        before = _states()
        sample = make()
        used = _changed(before)
        if not used:
            return sample
        message = (
            f"{_find_transform(make, before)} draws from {used[0]}'s global random generator, so "
            "that a resumed run would make other samples; draw from results['rng'], or, to be only "
            "warned, set train_dataloader.dataset.global_draws='warn'"
        )
        if self.action == REFUSE:
            raise InputError(message)
        self.samples_left = 0
        print_log(message, logger='current', level=logging.WARNING)
        return sample


def _states() -> dict[str, Any]:
    """Return the state of each global generator by the name of its package."""
    return {'numpy': np.random.get_state(), 'Python': random.getstate(), 'torch': _torch_state()}  # noqa: NPY002


def _torch_state() -> bytes:
    return torch.get_rng_state().numpy().tobytes()


def _changed(before: dict[str, Any]) -> list[str]:
    """Return the names of the generators that have been used since the states ``before``."""
    numpy = np.random.get_state()  # noqa: NPY002
    same = {
        'numpy': numpy[2:] == before['numpy'][2:] and np.array_equal(numpy[1], before['numpy'][1]),
        'Python': random.getstate() == before['Python'],
        'torch': _torch_state() == before['torch'],
    }
    return [name for name, is_same in same.items() if not is_same]


def _restore(states: dict[str, Any]) -> None:
    np.random.set_state(states['numpy'])  # noqa: NPY002
    random.setstate(states['Python'])
    torch.set_rng_state(torch.frombuffer(bytearray(states['torch']), dtype=torch.uint8))


def _find_transform(make: Callable[[], Any], before: dict[str, Any]) -> str:
    """Make the sample once more and return the name of the innermost transform that draws.

    Transforms may be nested in any way (``MultiView``, ``RandomChoice``, those of other packages).
    The interpreter reports each call that returns. The first transform that returns after a draw is
    the innermost one.
    """
    found: list[str] = []

    def on_event(frame: FrameType, event: str, _: Any) -> None:
        if event != 'return' or found or frame.f_code.co_name not in ('transform', '__call__'):
            return
        owner = frame.f_locals.get('self')
        name = type(owner).__name__
        if owner is not None and name != 'Compose' and _changed(before):
            found.append(name)

    after, profiler = _states(), sys.getprofile()
    _restore(before)
    sys.setprofile(on_event)
    try:
        make()
    finally:
        sys.setprofile(profiler)
        _restore(after)
    return found[0] if found else 'a transform of the pipeline'

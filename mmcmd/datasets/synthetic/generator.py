"""The stand-in data set: every sample is a function of the seed and its file name."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from mmcmd.datasets.annotations import SYNTHETIC_MARK as LABEL
from mmcmd.errors import InputError
from mmcmd.fileio import replace_file

from .actions import ACTIONS
from .kinematics import Array
from .ntu_writer import SUFFIX, format_skeleton
from .performers import make_performer
from .plan import Plan, setup_of
from .sensor import Track, make_camera, observe
from .simulation import perform

_FIRST_PARTNER = 1000  # the second person is nobody who is also a subject


def simulate(seed: int, performance: tuple[int, int, int]) -> list[Array]:
    """Simulate the (subject, replication, action): world coordinates (T, V, 3) for each body."""
    subject, _, number = performance
    action = ACTIONS[number - 1]
    rng = np.random.default_rng([seed, 3, setup_of(subject), *performance])
    performers = [make_performer(seed, subject)]
    if action.partner:
        performers.append(make_performer(seed, _FIRST_PARTNER + int(rng.integers(100))))
    return perform(action, tuple(performers), rng)


def record(
    seed: int, performance: tuple[int, int, int], bodies: list[Array], camera: int
) -> list[Track]:
    """Record simulated bodies with one camera (1, 2 or 3)."""
    setup = setup_of(performance[0])
    rng = np.random.default_rng([seed, 4, setup, camera, *performance])
    return observe(bodies, make_camera(seed, setup, camera), rng)


def generate(
    out_dir: str | os.PathLike[str],
    plan: Plan | None = None,
    jobs: int = 1,
    on_files: Callable[[int], None] | None = None,
) -> int:
    """Write the data set, or what is missing of it after an interruption.

    Files appear whole or not at all, and :data:`LABEL` appears before all others.

    Args:
        out_dir (str | os.PathLike): Folder to fill; new, empty, or holding the same data set.
        plan (Plan, optional): What to generate. Defaults to ``Plan()``.
        jobs (int): Number of processes; the files do not depend on it.
        on_files (Callable, optional): Called with the number of files that have become ready.

    Returns:
        int: Number of files written; 0 if the whole data set was there already.

    Raises:
        FileExistsError: If the folder holds something else.
        InputError: If ``jobs`` is below 1.
    """
    plan = plan or Plan()
    if jobs < 1:
        raise InputError(f'jobs must be at least 1, not {jobs}')
    folder = Path(out_dir)
    _claim(folder, plan.label())
    written = 0
    for made in _run(partial(_write_performance, plan, folder), plan.performances(), jobs):
        written += made
        if on_files:
            on_files(len(plan.cameras))
    return written


def _claim(folder: Path, label: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LABEL
    if path.exists():
        if path.read_text(encoding='utf-8') != label:
            raise FileExistsError(
                f'{folder} holds a synthetic data set with other parameters (see {path}); '
                'choose another folder or delete this one'
            )
    elif any(folder.iterdir()):
        raise FileExistsError(f'{folder} is not empty and holds no {LABEL}; choose another folder')
    else:
        _write_whole(path, label)


def _run(
    task: Callable[[tuple[int, int, int]], int], work: list[tuple[int, int, int]], jobs: int
) -> Iterator[int]:
    if jobs == 1:
        yield from map(task, work)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(task, work, chunksize=4)


def _write_performance(plan: Plan, folder: Path, performance: tuple[int, int, int]) -> int:
    paths = {folder / (name + SUFFIX): cam for name, cam in plan.names(performance).items()}
    missing = {path: camera for path, camera in paths.items() if not path.exists()}
    if missing:
        bodies = simulate(plan.seed, performance)
        for path, camera in missing.items():
            _write_whole(path, format_skeleton(record(plan.seed, performance, bodies, camera)))
    return len(missing)


def _write_whole(path: Path, text: str) -> None:
    with replace_file(path) as file:
        file.write(text.encode())

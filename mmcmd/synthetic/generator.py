"""Write the synthetic data set. A file depends only on the plan, the format and its name."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from mmcmd.datasets.annotations.reading import SYNTHETIC_MARK as LABEL
from mmcmd.errors import InputError
from mmcmd.io.files import replace_file

from .formats import FORMATS
from .formats.base import Unit
from .plan import Plan


def generate(
    out_dir: str | os.PathLike[str],
    plan: Plan | None = None,
    jobs: int = 1,
    on_files: Callable[[int], None] | None = None,
    fmt: str = 'ntu',
) -> int:
    """Write the data set. After an interruption, write only the missing files.

    No incomplete file is ever visible. :data:`LABEL` is written before all other files.

    Args:
        out_dir (str | os.PathLike): Output folder. It must be new or empty, or contain the same
            data set.
        plan (Plan, optional): Parameters of the data set. Defaults to the plan of the format.
        jobs (int): Number of processes. The files do not depend on it.
        on_files (Callable, optional): Called with the number of files that are newly finished.
        fmt (str): Key of :data:`FORMATS`. Defaults to ``'ntu'``.

    Returns:
        int: Number of written files. It is 0 if the data set was complete.

    Raises:
        FileExistsError: If the folder contains other files.
        InputError: If ``jobs`` is below 1, or the format is unknown or does not support the plan.
    """
    if jobs < 1:
        raise InputError(f'jobs must be at least 1, not {jobs}')
    if fmt not in FORMATS:
        raise InputError(f'unknown format {fmt!r}; formats are {", ".join(FORMATS)}')
    plan = plan or FORMATS[fmt].plan()
    FORMATS[fmt].check(plan)
    folder = Path(out_dir)
    _claim(folder, FORMATS[fmt].label(plan))
    written = 0
    for files, missing in _run(partial(_write, fmt, plan, folder), FORMATS[fmt].units(plan), jobs):
        written += missing
        if on_files:
            on_files(files)
    return written


def _claim(folder: Path, label: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LABEL
    if path.exists():
        if path.read_text(encoding='utf-8') != label:
            raise FileExistsError(
                f'{folder} holds a simulated data set with other parameters (see {path}); '
                'choose another folder or delete this one'
            )
    elif any(folder.iterdir()):
        raise FileExistsError(f'{folder} is not empty and holds no {LABEL}; choose another folder')
    else:
        _write_whole(path, label.encode())


def _run(
    task: Callable[[Unit], tuple[int, int]], units: list[Unit], jobs: int
) -> Iterator[tuple[int, int]]:
    if jobs == 1:
        yield from map(task, units)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(task, units, chunksize=4)


def _write(fmt: str, plan: Plan, folder: Path, unit: Unit) -> tuple[int, int]:
    """Write the missing files of a unit. Return the numbers of all and of written files."""
    names = FORMATS[fmt].names(plan, unit)
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        for name, content in FORMATS[fmt].contents(plan, unit, missing):
            _write_whole(folder / name, content)
    return len(names), len(missing)


def _write_whole(path: Path, content: bytes) -> None:
    with replace_file(path) as file:
        file.write(content)

"""Measure the speed-up of a conversion by a second process.

The measurement runs in a new process, because each forked process would copy the memory that
earlier stages still hold.
"""

import json
import sys
import tempfile
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from multiprocessing import Process
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import in_turns
from mmcmd.datasets.converters import Item, NTUConverter, convert
from mmcmd.datasets.transforms import normalize_skeleton
from mmcmd.skeletons import NTU


def convert_folder(folder: Path, out: Path, jobs: int) -> None:
    """Convert ``.skeleton`` files to a pickle of normalised arrays."""
    with redirect_stderr(StringIO()):  # the progress bar
        convert('ntu', folder, out, jobs, normalize=True)


def read_arrays(paths: list[Path]) -> list[np.ndarray]:
    """Read files with the converter and normalise them with the transform."""
    read = NTUConverter().read
    return [normalize_skeleton(read(Item('', path))['keypoint'], NTU) for path in paths]


def apart(paths: list[Path], count: int) -> None:
    """Divide the work among processes that return nothing."""
    shares = [paths[first::count] for first in range(count)]
    processes = [Process(target=read_arrays, args=(share,)) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError('a process that reads files failed')


def measure(raw: str, rounds: str) -> dict[str, Any]:
    """Time the conversion of a folder with one and two processes, and reading it alone."""
    paths = sorted(Path(raw).glob('*.skeleton'))
    with tempfile.TemporaryDirectory() as folder:
        outs = [Path(folder, f'{jobs}.pkl') for jobs in (1, 2)]
        times = in_turns(
            int(rounds),
            one=partial(convert_folder, Path(raw), outs[0], 1),
            two=partial(convert_folder, Path(raw), outs[1], 2),
            alone=partial(apart, paths, 1),
            halves=partial(apart, paths, 2),
        )
        first, second = (out.read_bytes() for out in outs)
    return dict(times=times, equal=first == second)


if __name__ == '__main__':
    sys.stdout.write(json.dumps(measure(*sys.argv[1:])) + '\n')

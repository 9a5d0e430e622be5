"""Read the items of a raw data set in their order, with one process or several."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import check_annotations
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.transforms import normalize_skeleton
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout

Outcome = tuple[Item, dict[str, Any] | Exception]
"""An item without its content, and its annotation or the error that prevents it."""

_CHUNK = 16  # items that a worker reads at a time


def attempt(converter: Converter, normalize: bool, item: Item) -> Outcome:
    """Read an item. If its annotation could not be saved later, this item alone fails.

    Args:
        converter (Converter): Converter of the format.
        normalize (bool): Whether to pre-normalise the coordinates.
        item (Item): An item that the converter's ``scan`` has returned.
    """
    try:
        sample = converter.read(item)
        data = dict(split={}, annotations=[sample], layout=converter.layout)
        check_annotations(data, item.name)
        if normalize:
            layout = get_layout(converter.layout)
            with np.errstate(over='ignore', invalid='ignore'):
                sample['keypoint'] = normalize_skeleton(sample['keypoint'], layout)
            check_annotations(data, item.name)  # finds numbers that are too large for float32
        sample['keypoint'] = np.ascontiguousarray(sample['keypoint'])
        return Item(item.name, None), sample
    except (ValueError, OSError) as error:
        return Item(item.name, None), error


def read_all(
    converter: Converter, items: list[Item], jobs: int, normalize: bool, folder: Path
) -> Iterator[Outcome]:
    """Read items in their order.

    Args:
        converter (Converter): Converter of the format.
        items (list[Item]): Result of the converter's ``scan``.
        jobs (int): Number of processes.
        normalize (bool): Whether to pre-normalise the coordinates.
        folder (Path): Folder in which several processes may write temporary files.

    Raises:
        InputError: If a process dies, or the folder is full.
    """
    read = partial(attempt, converter, normalize)
    if jobs == 1:
        yield from map(read, items)
        return
    chunks = [items[first : first + _CHUNK] for first in range(0, len(items), _CHUNK)]
    # Workers ignore Ctrl-C, because the parent process handles it.
    pool = ProcessPoolExecutor(
        jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    with TemporaryDirectory(prefix='.reading.', suffix='.part', dir=folder) as shared:
        paths = [Path(shared, str(number)) for number in range(len(chunks))]
        try:
            for path, outcomes in zip(
                paths, pool.map(partial(_hand_over, read), paths, chunks), strict=True
            ):
                yield from _take_over(path, outcomes)
        except BrokenProcessPool:
            raise InputError(
                'a worker process died, perhaps because memory ran out: try fewer jobs'
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _hand_over(read: Callable[[Item], Outcome], path: Path, items: list[Item]) -> list[Outcome]:
    """Read items and write their coordinates to a file, which is much faster than a pipe."""
    outcomes = [read(item) for item in items]
    try:
        with path.open('wb') as file:
            for _, sample in outcomes:
                if isinstance(sample, dict):
                    file.write(sample['keypoint'].data)
                    sample['keypoint'] = sample['keypoint'][:0], sample['keypoint'].shape
    except OSError as error:
        raise InputError(f'no file can be written to {path.parents[1]}: {error}') from None
    return outcomes


def _take_over(path: Path, outcomes: list[Outcome]) -> Iterator[Outcome]:
    """Read the coordinates of the samples from the file, and remove it."""
    with path.open('rb') as file:
        for _, sample in outcomes:
            if isinstance(sample, dict):
                empty, shape = sample['keypoint']
                sample['keypoint'] = np.fromfile(file, empty.dtype, np.prod(shape)).reshape(shape)
    path.unlink()
    yield from outcomes

"""Compare an exported file with the module from which it was made."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from mmcmd.deployment.exportable import ExportableModel, example_inputs
from mmcmd.errors import InputError

TOLERANCE = 1e-4
"""Largest accepted difference of an output. If the largest output is above 1, it is relative."""

Run = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


class Latency(NamedTuple):
    """Median milliseconds for one clip. The file and the module are measured in turns."""

    exported: float
    torch: float


def takes_length(exportable: ExportableModel, num_frames: int, counts_valid: bool) -> bool:
    """Return whether a module can encode clips of a given length.

    Args:
        exportable (ExportableModel): The module.
        num_frames (int): Length T of a clip, other than that of the training.
        counts_valid (bool): Whether the module takes ``valid_frames``.
    """
    try:
        with torch.no_grad():
            exportable(**example_inputs(exportable, 1, num_frames, counts_valid))
    except (InputError, RuntimeError):
        return False
    return True


@torch.no_grad()
def largest_difference(
    run: Run, exportable: ExportableModel, inputs: Mapping[str, Tensor]
) -> float:
    """Return the largest difference between the outputs of a file and those of its module.

    Args:
        run (Callable): Runs the file.
        exportable (ExportableModel): The module.
        inputs (Mapping[str, Tensor]): Inputs for both.

    Returns:
        float: Difference, absolute or relative as in :data:`TOLERANCE`. It is infinite if shapes
        differ or a number is not finite.
    """
    wanted, found = exportable(**inputs), run(inputs)
    differences = [0.0]
    for name, x in wanted.items():
        if found[name].shape != x.shape or not found[name].isfinite().all():
            return float('inf')
        scale = max(1.0, x.abs().max().item())
        differences.append((found[name] - x).abs().max().item() / scale)
    return max(differences)


@torch.no_grad()
def measure_latency(
    run: Run, exportable: ExportableModel, inputs: Mapping[str, Tensor], seconds: float = 3.0
) -> Latency:
    """Measure the times of a file and of its module in turns. The first round is not counted.

    Args:
        run (Callable): Runs the file.
        exportable (ExportableModel): The module.
        inputs (Mapping[str, Tensor]): One clip.
        seconds (float): Approximate time of the measurement. It has at least 5 rounds, and at most
            100. Defaults to 3.
    """
    sides = {'exported': lambda: run(inputs), 'torch': lambda: exportable(**inputs)}
    times: dict[str, list[float]] = {name: [] for name in sides}
    start = time.perf_counter()
    while len(times['torch']) < 6 or (
        time.perf_counter() - start < seconds and len(times['torch']) <= 100
    ):
        for name, side in sides.items():
            before = time.perf_counter()
            side()
            times[name].append(1e3 * (time.perf_counter() - before))
    return Latency(*(statistics.median(times[name][1:]) for name in Latency._fields))

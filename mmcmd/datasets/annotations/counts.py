"""Counts and measurements of an annotation file, which its checks read."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.bodies import Bodies
from mmcmd.datasets.annotations.findings import Finding
from mmcmd.datasets.annotations.twins import Leak
from mmcmd.datasets.annotations.uprightness import Uprightness
from mmcmd.skeletons import Layout


@dataclass
class Inspection:
    """Result of :func:`mmcmd.datasets.annotations.inspection.inspect_annotations`.

    Attributes:
        facts (dict[str, str]): What the file says of all samples: layout, synthetic and so on.
        num_samples (int): Sequences in the file.
        splits (dict[str, int]): Sequences of each split that are there.
        classes (dict[int, str]): Names of classes, where the file has them.
        labels (Counter[int]): Sequences of each class.
        subjects (Counter): Sequences of each subject; empty where samples do not tell.
        lengths (tuple[int, float, int]): Least, median and greatest number of frames.
        persons (Counter[int]): Sequences with so many persons that are not all zero.
        empty (list[str]): Samples that are all zero.
        twins (list[list[str]]): Groups of samples with the same coordinates, bit by bit.
        leaks (list[Leak]): Pairs of splits that share a sample or a twin.
        checked (list[str]): Official totals that were compared, keys of
            :data:`mmcmd.datasets.annotations.official_totals.TOTALS`.
        layout (Layout, optional): The joints, if the file says which they are.
        bodies (Bodies, optional): Measurements, if all samples have the same joints.
        uprightness (Uprightness, optional): How far bodies lean, if the file says its joints.
        facing (np.ndarray, optional): Direction of the shoulders of each sample, if they are to be
            turned, see :func:`mmcmd.datasets.annotations.facing.measure_facing`.
        findings (list[Finding]): Everything suspicious, each with its remedy, the worst first.
    """

    facts: dict[str, str]
    num_samples: int
    splits: dict[str, int]
    classes: dict[int, str]
    labels: Counter[int]
    subjects: Counter[Hashable]
    lengths: tuple[int, float, int]
    persons: Counter[int]
    empty: list[str]
    twins: list[list[str]]
    leaks: list[Leak]
    checked: list[str] = field(default_factory=list)
    layout: Layout | None = None
    bodies: Bodies | None = None
    uprightness: Uprightness | None = None
    facing: np.ndarray | None = None
    findings: list[Finding] = field(default_factory=list)


Check = Callable[[dict[str, Any], Inspection], Iterator[Finding]]
"""Takes the annotation file and what was counted, and yields what is wrong."""

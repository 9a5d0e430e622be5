"""Counts and measurements of an annotation file. The checks of the file read them."""

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
        facts (dict[str, str]): Properties that all samples share: layout, synthetic and so on.
        num_samples (int): Number of sequences in the file.
        splits (dict[str, int]): For each split, how many of its sequences the file holds.
        classes (dict[int, str]): Names of classes, if the file has them.
        labels (Counter[int]): Number of sequences of each class.
        subjects (Counter): Number of sequences of each subject; empty if the samples have none.
        lengths (tuple[int, float, int]): Least, median and greatest number of frames.
        persons (Counter[int]): For each number of persons, the number of sequences with it. A
            person that is all zero does not count.
        empty (list[str]): Samples that are all zero.
        twins (list[list[str]]): Groups of samples with the same coordinates, bit by bit.
        leaks (list[Leak]): Pairs of splits that share a sample or a twin.
        checked (list[str]): Official totals that were compared, keys of
            :data:`mmcmd.datasets.annotations.official_totals.TOTALS`.
        layout (Layout, optional): The joints, if the file says which they are.
        bodies (Bodies, optional): Measurements, if all samples have the same joints.
        uprightness (Uprightness, optional): How far bodies lean, if the file names its layout.
        facing (np.ndarray, optional): Direction of the shoulders of each sample, shape (N,), if
            the layout has a spine and the samples are not normalised yet, see
            :func:`mmcmd.datasets.annotations.facing.measure_facing`.
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
"""A check takes the annotation file and its counts, and yields what is wrong."""

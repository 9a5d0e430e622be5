"""Draw the samples of a training split that keep their label in the semi-supervised protocol."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmcmd.errors import InputError


def draw_subset(
    names: Sequence[str],
    labels: Sequence[int],
    percent: float,
    seed: int = 0,
    stratified: bool = True,
) -> list[str]:
    """Draw a share of the samples. The same arguments give the same samples.

    Args:
        names (Sequence[str]): Names of the samples.
        labels (Sequence[int]): Class of each sample.
        percent (float): Share of the samples, in (0, 100].
        seed (int): Seed of the draw. Defaults to 0.
        stratified (bool): Draw the same share of every class (largest remainders), and at least
            one sample. Otherwise ignore the classes, as the released code does. Defaults to True.

    Returns:
        list[str]: ``round(percent / 100 * len(names))`` names, in the order of ``names``. If a
        class would have no sample, one more is drawn for it, and a warning gives the total.

    Raises:
        InputError: If the share is outside its range, or so small that no sample is drawn.
    """
    if not 0 < percent <= 100:
        raise InputError(f'subset percent={percent} must lie in (0, 100]')
    size = round(percent / 100 * len(names))
    if not size:
        raise InputError(f'{percent} % of {len(names)} samples is none; raise subset percent')
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(names))
    if not stratified:
        chosen = order[:size]
        lost = set(labels) - {labels[index] for index in chosen}
        if lost:
            print_log(
                f'{percent} % of the labels, not stratified: {len(lost)} of {len(set(labels))} '
                'classes have no sample',
                'current',
                logging.WARNING,
            )
    else:
        quota = _quota(labels, size, percent)
        chosen = []
        for index in order:
            if quota[labels[index]]:
                quota[labels[index]] -= 1
                chosen.append(index)
    return [names[index] for index in sorted(chosen)]


def _quota(labels: Sequence[int], size: int, percent: float) -> dict[int, int]:
    """Share a number of samples among the classes in proportion, and give each at least one."""
    counts = Counter(labels)
    exact = {label: size * counts[label] / len(labels) for label in sorted(counts)}
    quota = {label: int(share) for label, share in exact.items()}
    by_remainder = sorted(exact, key=lambda label: quota[label] - exact[label])
    for label in by_remainder[: size - sum(quota.values())]:
        quota[label] += 1
    empty = [label for label, count in quota.items() if not count]
    if empty:
        quota |= dict.fromkeys(empty, 1)
        drawn = sum(quota.values())
        print_log(
            f'{percent} % of {len(labels)} samples are {size}, which leaves {len(empty)} of '
            f'{len(counts)} classes without a sample; each of these gets one, so {drawn} samples '
            f'({100 * drawn / len(labels):.1f} %) are drawn',
            'current',
            logging.WARNING,
        )
    return quota


def draw_per_class(
    names: Sequence[str], labels: Sequence[int], per_class: int, seed: int = 0
) -> list[str]:
    """Draw an equal number of samples of each class. The same arguments give the same samples.

    With one seed, a smaller draw is a part of a larger one.

    Args:
        names (Sequence[str]): Names of the samples.
        labels (Sequence[int]): Class of each sample.
        per_class (int): Number of samples of each class.
        seed (int): Seed of the draw. Defaults to 0.

    Returns:
        list[str]: ``per_class`` names of each class, in the order of ``names``.

    Raises:
        InputError: If the number is below 1, or a class has fewer samples.
    """
    counts = Counter(labels)
    label = min(counts, key=counts.__getitem__)
    if not 1 <= per_class <= counts[label]:
        raise InputError(
            f'subset per_class={per_class} must lie between 1 and the samples of the smallest '
            f'class, which are {counts[label]} (class {label})'
        )
    missing = dict.fromkeys(counts, per_class)
    chosen = []
    for index in np.random.default_rng(seed).permutation(len(names)):
        if missing[labels[index]]:
            missing[labels[index]] -= 1
            chosen.append(index)
    return [names[index] for index in sorted(chosen)]


def read_subset(path: str | Path, names: Sequence[str]) -> list[str]:
    """Read the names of a drawn subset, such as ``subset.txt`` in a work dir.

    Args:
        path (str or Path): Text file with one name in each line; ``#`` begins a comment.
        names (Sequence[str]): Names of all samples of the split.

    Raises:
        InputError: If there is no such file, it is empty, or a name is not one of ``names``.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'there is no subset file {path}')
    lines = (line.split('#')[0].strip() for line in path.read_text('utf-8', 'replace').splitlines())
    wanted = [line for line in lines if line]
    unknown = set(wanted) - set(names)
    if unknown or not wanted:
        fault = 'the file has no name'
        if unknown:
            fault = f'{len(unknown)} names are not in the split, such as {min(unknown)}'
        raise InputError(f'{path}: expected names of samples of the split, but {fault}')
    return wanted

"""Checks of names, labels, lengths and splits of an annotation file."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from mmcmd.datasets.annotations.counts import Inspection
from mmcmd.datasets.annotations.findings import Finding, share, some
from mmcmd.datasets.annotations.twins import tested_splits


def _labels(data: dict[str, Any]) -> dict[str, int]:
    """Return the class of each sample that has one."""
    samples = data['annotations']
    return {x['frame_dir']: x['label'] for x in samples if x['label'] >= 0}


def leaks(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find splits that share sequences with their training split."""
    return (leak.finding() for leak in found.leaks)


def repeated_names(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find samples that have the name of another sample."""
    names = {sample['frame_dir'] for sample in data['annotations']}
    if repeated := found.num_samples - len(names):
        yield Finding(
            f'{repeated:,} samples have the name of another', 'Give each sequence its own name'
        )


def twins(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find samples with the same coordinates, and those of them with different labels."""
    labels = _labels(data)
    differ = [x for x in found.twins if len({labels[name] for name in x if name in labels}) > 1]
    for kind, groups, remedy in (
        ('exact twins', found.twins, 'Convert the data again with --drop-twins'),
        ('twins with different labels', differ, 'Look up the right labels'),
    ):
        if groups:
            yield Finding(f'{len(groups):,} groups of {kind}, such as {_both(groups[0])}', remedy)


def _both(names: list[str]) -> str:
    return ' and '.join(names[:2])


def classes(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find class numbers below the highest one that no sample has."""
    highest = max(found.labels, default=-1)
    gaps = some(label for label in range(highest) if label not in found.labels)
    if gaps:
        missing = highest + 1 - len(found.labels)
        yield Finding(
            f'{missing} classes below {highest} have no sample: {gaps}',
            'Number the classes from 0 without gaps, or set num_classes to the number of names',
        )


def classes_of_splits(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find classes that are in one half of a split only."""
    labels = _labels(data)
    for pair in tested_splits(data['split']):
        train, val = ({labels[x] for x in data['split'][half] if x in labels} for half in pair)
        if not train or not val:
            continue  # an empty split is another finding
        for half, lacking, why in (
            (pair[0], val - train, 'so no training can learn them'),
            (pair[1], train - val, 'so no result says anything about them'),
        ):
            if lacking:
                yield Finding(
                    f'{half} has no sequence of {len(lacking)} classes ({some(sorted(lacking))}), '
                    f'{why}',
                    'Split the data another way, such as --split-by subject',
                )


def splits(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find splits that are empty, and names that do not fit the samples."""
    names = {sample['frame_dir'] for sample in data['annotations']}
    empty = [split for split, count in found.splits.items() if not count]
    if empty:
        yield Finding(
            f'{len(empty)} splits have no sequence: {some(empty)}',
            'Compare the names in the splits with those of the samples, or split by subject '
            '(--split-by subject)',
        )
    listed = set(chain.from_iterable(data['split'].values()))
    if data['split'] and (unlisted := names - listed):
        yield Finding(
            f'{len(unlisted):,} samples are in no split, such as {min(unlisted)}',
            'They are not used; add their names to a split',
        )
    if absent := listed - names:
        yield Finding(
            f'{len(absent):,} names in splits have no sample, such as {min(absent)}',
            'They were left out by the conversion (see its report), or are spelt another way',
        )


def lengths(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find sequences of one frame, which have no motion."""
    short = [x['frame_dir'] for x in data['annotations'] if x['total_frames'] == 1]
    if short:
        yield Finding(
            f'{share(len(short), found.num_samples)} sequences have one frame, such as {short[0]}',
            'They have no motion; leave them out',
        )


CHECKS = (leaks, repeated_names, twins, classes, classes_of_splits, splits, lengths)

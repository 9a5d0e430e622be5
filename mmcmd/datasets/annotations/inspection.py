"""What an annotation file holds, and what is suspicious about it."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from mmcmd.datasets.annotations.official_totals import TOTALS, differences, totals_of
from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.datasets.converters.ntu import SampleName
from mmcmd.errors import InputError
from mmcmd.skeletons import NTU, get_layout


class Leak(NamedTuple):
    """Sequences that a split both trains and tests on: pairs of names, of train and val."""

    train: str
    val: str
    names: list[tuple[str, str]]


@dataclass
class Inspection:
    """What :func:`inspect_annotations` found.

    Attributes:
        facts (dict[str, str]): What the file says of all samples: layout, synthetic and so on.
        num_samples (int): Sequences in the file.
        splits (dict[str, int]): Sequences of each split that are there.
        classes (dict[int, str]): Names of classes, where the file has them.
        labels (Counter[int]): Sequences of each class; those without a label do not count.
        subjects (Counter): Sequences of each subject; empty where samples do not tell.
        lengths (tuple[int, float, int]): Least, median and greatest number of frames.
        persons (Counter[int]): Sequences with so many persons that are not all zero.
        empty (list[str]): Samples that are all zero.
        twins (list[list[str]]): Groups of samples with the same coordinates, bit by bit.
        leaks (list[Leak]): Pairs of splits that share a sample or a twin.
        checked (list[str]): Official totals, keys of :data:`TOTALS`, that were compared.
        warnings (list[str]): Everything suspicious, in words, the worst first.
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
    warnings: list[str] = field(default_factory=list)


def inspect_annotations(data: dict[str, Any], expect: str | None = None) -> Inspection:
    """Count what a file holds and look for what is wrong with it.

    Args:
        data (dict): As :func:`mmcmd.datasets.annotations.reading.load_annotations` returns it.
        expect (str, optional): Key of :data:`TOTALS` to compare with. By default those of the
            data set that the file names, or of NTU RGB+D if number of classes, joints and sample
            names are its own; none for synthetic data.

    Raises:
        InputError: If there are no samples, or there is no such key.
    """
    if expect is not None and expect not in TOTALS:
        raise InputError(f'there are no totals of {expect!r}; there are {", ".join(TOTALS)}')
    samples, split = data['annotations'], data['split']
    if not samples:
        raise InputError('the file holds no samples')
    digests = {sample['frame_dir']: _digest(sample['keypoint']) for sample in samples}
    groups = defaultdict(list)
    for name, digest in digests.items():
        groups[digest or name].append(name)
    lengths = [sample['total_frames'] for sample in samples]
    found = Inspection(
        facts=_facts(data),
        num_samples=len(samples),
        splits={name: len(digests.keys() & set(names)) for name, names in split.items()},
        classes=_classes(data.get('classes')),
        labels=Counter(x['label'] for x in samples if x['label'] != UNLABELLED),
        subjects=Counter(filter(_is_subject, (sample.get('subject') for sample in samples))),
        lengths=(min(lengths), median(lengths), max(lengths)),
        persons=Counter(int(_present(sample['keypoint']).sum()) for sample in samples),
        empty=[name for name, digest in digests.items() if not digest],
        twins=[names for names in groups.values() if len(names) > 1],
        leaks=list(_leaks(split, digests)),
    )
    found.checked = [expect] if expect else totals_of(_guess(data, found), found.splits)
    found.warnings = list(_faults(data, found))
    for key in found.checked:
        found.warnings += differences(key, found.splits)
    return found


def _present(keypoint: np.ndarray) -> np.ndarray:
    """Tell the persons that are not all zero, (M,)."""
    return keypoint.any(axis=(1, 2, 3))


def _digest(keypoint: np.ndarray) -> bytes:
    """Hash the coordinates of the persons there are; empty where they are all zero."""
    keypoint = np.ascontiguousarray(keypoint[_present(keypoint)])
    head = f'{keypoint.shape} {keypoint.dtype.str}'.encode()
    return hashlib.blake2b(head + keypoint.tobytes()).digest() if keypoint.size else b''


def _classes(names: Any) -> dict[int, str]:
    return dict(enumerate(map(str, names))) if isinstance(names, (list, tuple)) else {}


def _is_subject(value: Any) -> bool:
    return isinstance(value, (int, str, np.integer))


def _facts(data: dict[str, Any]) -> dict[str, str]:
    facts = {key: str(data[key]) for key in ('dataset', 'normalized', 'synthetic') if key in data}
    return {'layout': get_layout(data['layout']).name if data.get('layout') else '?'} | facts


def _leaks(split: dict[str, list[str]], digests: dict[str, bytes]) -> Iterator[Leak]:
    """Compare each training split with those that test it: the same names, or twins."""
    for train, names in split.items():
        if not train.endswith('train'):
            continue
        seen = {digests.get(name) or name: name for name in names}
        for val in (train.removesuffix('train') + half for half in ('val', 'test')):
            keys = {name: digests.get(name) or name for name in split.get(val, [])}
            shared = [(seen[key], name) for name, key in keys.items() if key in seen]
            if shared:
                yield Leak(train, val, shared)


_PKU_II = re.compile(r'A[0-9]{2}N[0-9]{2}-[LMR]_')  # recordings of the first phase have numbers


def _guess(data: dict[str, Any], found: Inspection) -> str | None:
    """Tell which data set with official totals this is."""
    if data.get('synthetic'):
        return None
    if 'dataset' in data:
        return found.facts['dataset']
    if all(_PKU_II.match(sample['frame_dir']) for sample in data['annotations']):
        return 'pkummd2'
    named = all(SampleName.parse(sample['frame_dir']) for sample in data['annotations'])
    if not named or found.facts['layout'] not in (NTU.name, '?'):
        return None
    return {60: 'ntu60', 120: 'ntu120'}.get(max(found.labels, default=UNLABELLED) + 1)


def _faults(data: dict[str, Any], found: Inspection) -> Iterator[str]:
    """Say, in words, what is suspicious of itself."""
    samples, split = data['annotations'], data['split']
    for leak in found.leaks:
        pair = ' and '.join(dict.fromkeys(leak.names[0]))
        yield f'LEAK: {len(leak.names)} of {leak.val} are also in {leak.train}, such as {pair}'
    labels = {sample['frame_dir']: sample['label'] for sample in samples}
    if found.num_samples > len(labels):
        yield f'{found.num_samples - len(labels)} samples have the name of another'
    for title, groups in (
        ('groups of exact twins', found.twins),
        ('groups of twins with different labels', [t for t in found.twins if _differ(t, labels)]),
    ):
        if groups:
            yield f'{len(groups)} {title}, such as {" and ".join(groups[0][:2])}'
    if found.empty:
        yield f'{len(found.empty)} samples are all zero, such as {found.empty[0]}'
    highest = max(found.labels, default=UNLABELLED)
    gaps = _first(label for label in range(highest) if label not in found.labels)
    if gaps:
        yield f'{highest + 1 - len(found.labels)} classes below {highest} have no sample: {gaps}'
    listed = set(chain.from_iterable(split.values()))
    if split and (unlisted := labels.keys() - listed):
        yield f'{len(unlisted)} samples are in no split, such as {min(unlisted)}'
    if absent := listed - labels.keys():
        yield f'{len(absent)} names in splits have no sample, such as {min(absent)}'


def _differ(names: list[str], labels: dict[str, int]) -> bool:
    return len({labels[name] for name in names}) > 1


def _first(numbers: Iterator[int], few: int = 10) -> str:
    """Write out the first few numbers, without counting to the end."""
    words = [str(number) for number, _ in zip(numbers, range(few + 1), strict=False)]
    return ', '.join([*words[:few], '...'] if len(words) > few else words)

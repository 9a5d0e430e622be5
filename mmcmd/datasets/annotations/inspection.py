"""Count the contents of an annotation file, and find what looks wrong in it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from mmcmd.datasets.annotations import body_checks, list_checks
from mmcmd.datasets.annotations.bodies import measure_bodies
from mmcmd.datasets.annotations.counts import Check, Inspection
from mmcmd.datasets.annotations.facing import measure_facing
from mmcmd.datasets.annotations.findings import Finding
from mmcmd.datasets.annotations.labelled import class_names
from mmcmd.datasets.annotations.official_totals import TOTALS, differences, totals_of
from mmcmd.datasets.annotations.reading import UNLABELLED
from mmcmd.datasets.annotations.twins import digests_of, find_leaks, find_twins, present
from mmcmd.datasets.annotations.uprightness import measure_uprightness
from mmcmd.datasets.converters.ntu import SampleName
from mmcmd.errors import InputError
from mmcmd.skeletons import NTU, get_layout

CHECKS: tuple[Check, ...] = (list_checks.leaks, *body_checks.CHECKS, *list_checks.CHECKS[1:])
"""All checks, the worst first. A new check is a function in this list."""


def inspect_annotations(
    data: dict[str, Any], expect: str | None = None, checks: Sequence[Check] = CHECKS
) -> Inspection:
    """Count what a file holds and look for what is wrong with it.

    Args:
        data (dict): Annotations, see
            :func:`mmcmd.datasets.annotations.reading.load_annotations`.
        expect (str, optional): Key of :data:`TOTALS` to compare with. By default, the totals of the
            data set that the file names, or those of NTU RGB+D if the classes, joints and sample
            names are like in NTU RGB+D. Synthetic data are compared with nothing.
        checks (Sequence[Check]): What to look for. Defaults to all of :data:`CHECKS`.

    Raises:
        InputError: If there are no samples, or no totals with this key.
    """
    if expect is not None and expect not in TOTALS:
        raise InputError(f'there are no totals of {expect!r}; there are {", ".join(TOTALS)}')
    samples, split = data['annotations'], data['split']
    if not samples:
        raise InputError('the file holds no samples')
    digests = digests_of(samples)
    lengths = [sample['total_frames'] for sample in samples]
    found = Inspection(
        facts=_facts(data),
        num_samples=len(samples),
        splits={name: len(digests.keys() & set(names)) for name, names in split.items()},
        classes=dict(enumerate(class_names(data))),
        labels=Counter(x['label'] for x in samples if x['label'] != UNLABELLED),
        subjects=Counter(filter(_is_subject, (sample.get('subject') for sample in samples))),
        lengths=(min(lengths), median(lengths), max(lengths)),
        persons=Counter(int(present(sample['keypoint']).sum()) for sample in samples),
        empty=[name for name, digest in digests.items() if not digest],
        twins=find_twins(digests),
        leaks=find_leaks(split, digests),
        layout=get_layout(data['layout']) if data.get('layout') else None,
    )
    if len({sample['keypoint'].shape[2:] for sample in samples}) == 1:
        found.bodies = measure_bodies(samples)
    if found.layout is not None:
        normalized = bool(data.get('normalized'))
        found.uprightness = measure_uprightness(samples, found.layout, normalized)
        if found.layout.spine is not None and not normalized:
            found.facing = measure_facing(samples, found.layout)
    found.checked = [expect] if expect else totals_of(_guess(data, found), found.splits)
    found.findings = [finding for check in checks for finding in check(data, found)]
    for key in found.checked:
        found.findings += map(Finding, differences(key, found.splits))
    return found


def body_findings(
    samples: Sequence[dict[str, Any]], facts: Mapping[str, Any], most: int = 100
) -> list[str]:
    """Look for what is wrong with the bodies of some sequences, in a fraction of a second.

    Args:
        samples (Sequence[dict]): Annotations.
        facts (Mapping): What they share, such as ``layout``.
        most (int): Number of sequences that are looked at. They are taken at equal distances.

    Returns:
        list[str]: Findings. If only some sequences were looked at, the text says how many.

    Raises:
        InputError: If there are no samples.
    """
    rows = np.unique(np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int))
    data = {**facts, 'annotations': [samples[row] for row in rows], 'split': {}}
    findings = inspect_annotations(data, checks=body_checks.CHECKS).findings
    part = f'in a sample of {len(rows):,} of the {len(samples):,} sequences: '
    return [f'{part if len(rows) < len(samples) else ""}{finding}' for finding in findings]


def _is_subject(value: Any) -> bool:
    return isinstance(value, (int, str, np.integer))


def _facts(data: dict[str, Any]) -> dict[str, str]:
    facts = {key: str(data[key]) for key in ('dataset', 'normalized', 'synthetic') if key in data}
    return {'layout': get_layout(data['layout']).name if data.get('layout') else '?'} | facts


_PKU_II = re.compile(r'A[0-9]{2}N[0-9]{2}-[LMR]_')  # recordings of the first phase have numbers


def _guess(data: dict[str, Any], found: Inspection) -> str | None:
    """Guess which data set with official totals this is."""
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

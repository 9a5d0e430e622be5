"""Convert raw data of any format to a pickle: in parallel, without bad items, with a report."""

import inspect
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from rich.progress import track

from mmcmd.datasets.annotations.reading import SYNTHETIC_MARK, UNLABELLED, save_annotations
from mmcmd.datasets.annotations.splitting import split_by as make_splits
from mmcmd.datasets.annotations.twins import (
    LEAKS,
    Leak,
    digests_of,
    find_leaks,
    leak_facts,
    without_twins,
)
from mmcmd.datasets.converters.base import Converter, LeftOut
from mmcmd.datasets.converters.reading import Outcome, read_all
from mmcmd.errors import InputError, did_you_mean
from mmcmd.io.files import replace_file
from mmcmd.registry import CONVERTERS
from mmcmd.terminal import get_console


@dataclass
class Summary:
    """Result of a conversion.

    Attributes:
        annotations (list[dict]): Samples, sorted by ``frame_dir``.
        left_out (list[tuple[str, str]]): Name and reason of each item left out on purpose.
        skipped (list[tuple[str, str]]): Name and reason of each item that could not be read.
        facts (dict): Properties that all samples share, such as ``layout``.
    """

    annotations: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f'{len(self.annotations)} converted, {len(self.left_out)} left out on purpose, '
            f'{len(self.skipped)} skipped'
        )


def convert(
    fmt: str,
    source: str | os.PathLike,
    out: str | os.PathLike,
    jobs: int = 1,
    strict: bool = False,
    normalize: bool = False,
    split_by: str | None = None,
    val_values: Sequence[int | str] | None = None,
    drop_twins: bool = False,
    **options: Any,
) -> Summary:
    """Convert a raw data set to an annotation pickle, with a report beside it.

    Items that cannot be read are skipped, logged, and listed in a report beside ``out``, in a file
    ``NAME.report.txt``. The pickle does not depend on ``jobs``. For some formats, a file
    ``NAME.layout.json`` with the joint layout is also written beside ``out``.

    Args:
        fmt (str): Name in :data:`CONVERTERS`.
        source (str or PathLike): Folder or file of the raw data.
        out (str or PathLike): The pickle to write; parent folders are made.
        jobs (int): Number of processes.
        strict (bool): Fail, after writing, if an item was skipped.
        normalize (bool): Pre-normalise the coordinates now (see :func:`normalize_skeleton`) and
            mark the pickle as ``normalized``, instead of every time that a sample is loaded. This
            changes nothing if the source is normalised already.
        split_by (str, optional): Make one more split by this field of the samples, such as
            ``subject``, see :func:`mmcmd.datasets.annotations.splitting.split_by`. A split of the
            same name is replaced.
        val_values (Sequence[int | str], optional): Values of this field that are for validation.
        drop_twins (bool): Of several samples with the same coordinates, keep only the first by
            name, so that no two splits share a sequence. Defaults to False.
        **options: Arguments of the converter; None is the same as no argument.

    Raises:
        InputError: If an argument is wrong, if nothing could be converted (only the report is
            written), or if an item was skipped and ``strict`` is set.
    """
    source, out = Path(source), Path(out)
    if jobs < 1:
        raise InputError(f'jobs must be at least 1, got {jobs}')
    if val_values is not None and split_by is None:
        raise InputError('--val-subjects needs --split-by subject (or another field)')
    converter = _build(fmt, options)
    if not source.exists():
        raise InputError(f'{source} does not exist')
    if converter.merges and out.resolve().is_relative_to(source.resolve()):
        raise InputError(
            f'{out} lies in {source}, so the next merge would read it too; write it to another '
            'folder'
        )
    items = converter.scan(source)
    if out.is_dir():
        raise InputError(f'{out} is a folder, expected the name of a file to write')
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out.parent, os.W_OK):  # fail now, not after the whole conversion
        raise InputError(f'{out.parent} cannot be written to')

    facts = converter.facts()
    normalize = normalize and not facts.get('normalized')
    facts |= {'normalized': True} if normalize else {}
    outcomes = read_all(converter, items, jobs, normalize, out.parent)
    summary = _collect(outcomes, len(items))
    if drop_twins:
        summary.annotations, twins = without_twins(summary.annotations)
        summary.left_out += [(x, f'{x}: a twin of {first}') for x, first in twins.items()]
    stem = out.name.removesuffix('.pkl')
    report = out.with_name(f'{stem}.report.txt')
    folder = source if source.is_dir() else source.parent
    synthetic = (folder / SYNTHETIC_MARK).is_file()
    splits = converter.splits(summary.annotations)
    if split_by is not None and summary.annotations:
        splits |= make_splits(summary.annotations, split_by, val_values)
    leaks = find_leaks(splits, digests_of(summary.annotations))
    if summary.annotations:
        facts |= {'synthetic': True} if synthetic else {}
        facts.pop(LEAKS, None)  # the source may be a pickle with the leaks of its old splits
        facts |= leak_facts(leaks)
        summary.facts = facts
        save_annotations(dict(split=splits, annotations=summary.annotations, **facts), out)
        if converter.writes_layout and isinstance(facts['layout'], dict):
            with replace_file(out.with_name(f'{stem}.layout.json')) as file:
                file.write((json.dumps(facts['layout'], indent=2) + '\n').encode())
    with replace_file(report) as file:
        lines = [f'{fmt}: {source} -> {out}', *_report(summary, splits, leaks, converter.counted)]
        if facts.get('normalized'):
            lines.insert(1, 'the coordinates are normalised')
        if synthetic:
            lines.insert(0, f'SYNTHETIC data, not recordings: {folder} holds {SYNTHETIC_MARK}')
        file.write('\n'.join([*lines, '']).encode('utf-8', 'backslashreplace'))
    if not summary.annotations:
        reasons = [reason for _, reason in summary.skipped + summary.left_out]
        first = f'; the first: {reasons[0]}' if reasons else ''
        raise InputError(
            f'nothing in {source} could be converted ({len(items)} items, see {report}){first}'
        )
    for leak in leaks:
        print_log(str(leak.finding()), 'current', logging.WARNING)
    if summary.skipped:
        message = (
            f'{len(summary.skipped)} of {len(items)} items were skipped, see {report}; the first: '
            f'{summary.skipped[0][1]}'
        )
        if strict:
            raise InputError(message)
        print_log(message, 'current', logging.WARNING)
    return summary


def _build(fmt: str, options: dict[str, Any]) -> Converter:
    converter = CONVERTERS.module_dict.get(fmt)
    if converter is None:
        known = ', '.join(sorted(CONVERTERS.module_dict))
        near = did_you_mean(fmt, CONVERTERS.module_dict)
        raise InputError(f'unknown format {fmt!r}{near}; formats are {known}')
    given = {key: value for key, value in options.items() if value is not None}
    for key in given.keys() - inspect.signature(converter).parameters.keys():
        raise InputError(f'format {fmt} takes no option {key!r}')
    return converter(**given)


def _collect(outcomes: Iterator[Outcome], total: int) -> Summary:
    """Sort outcomes into samples and failures, and show a progress bar."""
    summary = Summary()
    origins: dict[str, str] = {}
    with closing(outcomes):
        console = get_console(stderr=True)
        # Where there is no terminal, a bar would leave an empty line.
        options = {'console': console, 'transient': True, 'disable': not console.is_terminal}
        bar = track(outcomes, 'converting', total=total, **options)
        for item, outcome in bar:
            if isinstance(outcome, LeftOut):
                summary.left_out.append((item.name, str(outcome)))
            elif isinstance(outcome, Exception):
                summary.skipped.append((item.name, str(outcome)))
            elif (first := origins.get(outcome['frame_dir'])) is not None:
                summary.skipped.append((item.name, f'{item.name}: same sample name as {first}'))
            else:
                origins[outcome['frame_dir']] = item.name
                summary.annotations.append(_share(outcome))
    summary.annotations.sort(key=lambda sample: sample['frame_dir'])
    return summary


def _share(sample: dict[str, Any]) -> dict[str, Any]:
    """Share equal strings and dtypes, so that the pickle does not depend on the processes."""
    shared = {}
    for key, value in sample.items():
        if isinstance(value, str):
            value = sys.intern(str(value))  # it may be a string of numpy
        elif isinstance(value, np.ndarray):
            value = value.view(np.dtype(value.dtype.str))
        shared[sys.intern(str(key)) if isinstance(key, str) else key] = value
    return shared


def _order(counted: tuple[Any, int]) -> tuple[bool, Any]:
    """Return the key that sorts numbers before text."""
    return isinstance(counted[0], str), counted[0]


def _report(
    summary: Summary, splits: dict[str, list[str]], leaks: list[Leak], counted: tuple[str, ...]
) -> list[str]:
    """Return the lines of the report."""
    lines = [str(summary), '', 'sequences per split']
    lines += [f'  {name}: {len(samples)}' for name, samples in splits.items()]
    lines += [f'  {leak.finding()}' for leak in leaks]
    for key in counted:
        values = [sample.get(key) for sample in summary.annotations]
        counts = Counter(value for value in values if isinstance(value, (int, str, np.integer)))
        if key == 'label' and (without := counts.pop(UNLABELLED, 0)):
            lines += ['', f'sequences without a label: {without}']
        if summary.annotations and not counts:
            continue
        lines += ['', f'sequences per {key} ({len(counts)})']
        lines += [f'  {value}: {count}' for value, count in sorted(counts.items(), key=_order)]
    for title, reasons in (('left out on purpose', summary.left_out), ('skipped', summary.skipped)):
        lines += ['', f'{title} ({len(reasons)})', *(f'  {reason}' for _, reason in reasons)]
    return lines

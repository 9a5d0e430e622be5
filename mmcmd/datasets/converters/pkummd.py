"""Read PKU-MMD, phases I and II: long recordings as text, with the intervals of the actions."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.datasets.converters.base import Converter, Item, LeftOut
from mmcmd.datasets.converters.pkummd_lists import (
    ACTIONS,
    Interval,
    read_intervals,
    read_split,
)
from mmcmd.datasets.converters.tokens import Tokens
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import NTU

__all__ = ['ACTIONS', 'PKUMMDConverter']

MAX_FRAMES = 300
PERSONS = 2
FIELDS = PERSONS * NTU.num_joints * 3
TRAIN_VIEWS = frozenset('MR')

# For example 0002-L in phase I, and A01N01-L in phase II.
_NAME = re.compile(r'(?:[0-9]{4}|A[0-9]{2}N[0-9]{2})-[LMR]')
_SPLIT_FILE = re.compile(r'cross[-_](subject|view)(?:[-_]v[0-9])?\.txt', re.IGNORECASE)
_KINDS = {'subject': 'xsub', 'view': 'xview'}


@dataclass(frozen=True)
class _Clip:
    path: Path
    interval: Interval


@CONVERTERS.register_module('pkummd')
class PKUMMDConverter(Converter):
    """PKU-MMD (https://arxiv.org/abs/1703.07475), phases I and II.

    The source is a folder that holds three kinds of files, at any depth:

    - Skeletons. Each line is a frame of 2 x 25 x 3 numbers in metres.
    - Labels. They have the same names, in a folder with ``label`` in its name. Each line is an
      action, ``class, start, end, confidence``. Its frames ``[start, end)`` become a sample, of at
      most the first 300 frames.
    - Lists of the splits: ``cross-subject.txt`` and ``cross-view.txt``, or those of phase II.

    A recording that is in neither half of a list is in neither half of the split. Without a
    cross-view list, views M and R are for training, as in the paper. Without a cross-subject list
    there is no cross-subject split.

    Args:
        like_authors (bool): Count like the program of CMD's authors. An interval without any
            skeleton is kept as zeros, and a recording that is not in the training half of a list is
            in the test half. This gives the totals of their program. Defaults to False.
    """

    layout = NTU.name
    counted = ('label', 'view')

    def __init__(self, like_authors: bool = False) -> None:
        self.like_authors = like_authors
        self._lists: dict[str, dict[str, frozenset[str]]] = {}
        self._opened: tuple[Path | None, list[bytes]] = (None, [])

    def scan(self, source: Path) -> list[Item]:
        """List the labelled intervals, recording by recording, and read the split lists."""
        if not source.is_dir():
            raise InputError(f'{source} is a file, expected a folder of skeletons and labels')
        skeletons: dict[str, Path] = {}
        labels: dict[str, Path] = {}
        lists: dict[str, list[Path]] = {'xsub': [], 'xview': []}
        items: list[Item] = []
        for path in sorted(path for path in source.rglob('*.txt') if path.is_file()):
            if match := _SPLIT_FILE.fullmatch(path.name):
                lists[_KINDS[match[1].lower()]].append(path)
            elif _NAME.fullmatch(path.stem):
                folders = path.relative_to(source).parts[:-1]
                found = labels if any('label' in name.lower() for name in folders) else skeletons
                if (first := found.setdefault(path.stem, path)) is not path:
                    items.append(Item(str(path), f'{path}: same recording as {first}'))
        if not skeletons and not labels:
            raise InputError(
                f'there is no recording such as 0002-L.txt or A01N01-L.txt in {source}'
            )
        self._lists = {kind: read_split(paths) for kind, paths in lists.items() if paths}
        self._warn(source, skeletons.keys() | labels.keys())
        for stem in sorted(skeletons.keys() | labels.keys()):
            items += _pair(stem, skeletons.get(stem), labels.get(stem), source)
        return items

    def _warn(self, source: Path, recordings: set[str]) -> None:
        if 'xsub' not in self._lists:
            message = (
                f'{source} has no cross-subject.txt (phase II: cross_subject_v2.txt): '
                'there will be no cross-subject split'
            )
            print_log(message, 'current', logging.WARNING)
        for kind, halves in self._lists.items():
            if absent := recordings - halves['train'] - halves['val']:
                fate = (
                    f'{kind}_val, as with the authors' if self.like_authors else f'no {kind} split'
                )
                message = (
                    f'{len(absent)} of {len(recordings)} recordings, such as {min(absent)}, '
                    f'are in no half of the {kind} list and will be in {fate}'
                )
                print_log(message, 'current', logging.WARNING)

    def read(self, item: Item) -> dict[str, Any]:
        """Read the frames of one interval."""
        if isinstance(item.content, str):
            raise ValueError(item.content)
        path, interval = item.content.path, item.content.interval
        if self._opened[0] != path:  # the next intervals of a recording reuse its lines
            self._opened = path, path.read_bytes().rstrip().splitlines()
        end = min(interval.end, interval.start + MAX_FRAMES)
        persons = _parse(self._opened[1], interval.start, end, path, item.name)
        present = persons.any(axis=(1, 2, 3))
        if not present.any() and not self.like_authors:
            raise LeftOut(f'{item.name}: no joint is ever non-zero (a missing skeleton)')
        persons = persons[present] if present.any() else persons[:1]
        recording, _, view = path.stem.partition('-')
        return dict(
            frame_dir=f'{path.stem}_{interval.start:05}_{interval.end:05}_A{interval.action:03}',
            label=interval.action - 1,
            keypoint=persons,
            total_frames=persons.shape[1],
            recording=recording,
            view=view,
        )

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the halves of the cross-view split, and of the cross-subject split if listed."""
        splits: dict[str, list[str]] = {}
        for kind, halves in sorted(self._lists.items()):
            for half in halves:
                splits[f'{kind}_{half}'] = [
                    sample['frame_dir']
                    for sample in annotations
                    if self._half(f'{sample["recording"]}-{sample["view"]}', halves) == half
                ]
        if 'xview' not in self._lists:
            splits |= self.halves('xview', annotations, lambda a: a['view'] in TRAIN_VIEWS)
        return splits

    def _half(self, recording: str, halves: dict[str, frozenset[str]]) -> str | None:
        found = next((half for half, listed in halves.items() if recording in listed), None)
        return 'val' if found is None and self.like_authors else found


def _pair(stem: str, skeleton: Path | None, label: Path | None, source: Path) -> list[Item]:
    if skeleton is None:
        return [Item(str(label), f'{label}: there is no skeleton file {stem}.txt in {source}')]
    if label is None:
        return [Item(str(skeleton), f'{skeleton}: there is no label file {stem}.txt in {source}')]
    items = []
    for place, found in read_intervals(label):
        if isinstance(found, str):
            items.append(Item(place, found))
        else:
            items.append(Item(f'{skeleton} ({place})', _Clip(skeleton, found)))
    return items


def _parse(lines: list[bytes], start: int, end: int, path: Path, name: str) -> np.ndarray:
    """Read rows of numbers, ``(2, T, 25, 3)``; an interval may end beyond the recording."""
    rows = lines[start:end]
    if not rows:
        raise ValueError(f'{name}: starts at frame {start}, the recording has {len(lines)}')
    for number, row in enumerate(rows, start + 1):
        if (fields := len(row.split())) != FIELDS:
            raise ValueError(f'{path}, line {number}: {fields} fields, expected {FIELDS}')
    try:
        tokens = Tokens(b'\n'.join(rows))
        if len(tokens) != FIELDS * len(rows):
            raise ValueError('control characters in the numbers')
        values = tokens.floats(np.arange(len(tokens)))
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from None
    with np.errstate(over='ignore'):
        values = values.reshape(len(rows), PERSONS, NTU.num_joints, 3).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f'{name}: a coordinate is NaN or infinite')
    return np.ascontiguousarray(values.swapaxes(0, 1))

"""Read the small text files of PKU-MMD: actions of a recording, and recordings of a split."""

import re
from pathlib import Path
from typing import NamedTuple

from mmcmd.errors import InputError

ACTIONS = 51

# The published lists spell it `Validataion videos:`.
_HEADING = re.compile(r'(training|valid\w*|test\w*)\s+videos\s*:', re.IGNORECASE)
_RECORDING = re.compile(r'\w+-[LMR]')


class Interval(NamedTuple):
    """One action in a recording: frames ``[start, end)``, counted from 0; actions from 1."""

    action: int
    start: int
    end: int


def read_intervals(path: Path) -> list[tuple[str, Interval | str]]:
    """Read a label file.

    Args:
        path (Path): Lines ``class,start,end,confidence``.

    Returns:
        list[tuple[str, Interval | str]]: For each line its place, for messages, and the interval or
        the fault of the line. The list is never empty.
    """
    found: list[tuple[str, Interval | str]] = []
    try:
        lines = path.read_text('utf-8-sig', 'replace').splitlines()
    except OSError as error:
        return [(str(path), f'{path} cannot be read: {error.strerror}')]
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f'{path}, line {number}'
            try:
                found.append((place, _parse(line)))
            except ValueError as error:
                found.append((place, f'{place}: {error}'))
    return found or [(str(path), f'{path} is empty, expected lines class,start,end,confidence')]


def _parse(line: str) -> Interval:
    fields = [field.strip() for field in line.split(',')]
    if len(fields) != 4 or not all(re.fullmatch(r'[0-9]{1,9}', field) for field in fields[:3]):
        raise ValueError(f'expected class,start,end,confidence, got {line[:40]!r}')
    interval = Interval(*map(int, fields[:3]))
    if not 1 <= interval.action <= ACTIONS:
        raise ValueError(f'there is no class {interval.action}, classes are 1 to {ACTIONS}')
    if interval.start >= interval.end:
        raise ValueError(f'starts at frame {interval.start} and ends at {interval.end}')
    return interval


def read_split(paths: list[Path]) -> dict[str, frozenset[str]]:
    """Read the lists of one split, of phase I and phase II together.

    Args:
        paths (list[Path]): Text files: a heading ``Training videos:``, names of recordings
            separated by commas or line ends, a heading ``Validataion videos:``, and names again.

    Returns:
        dict[str, frozenset[str]]: ``train`` and ``val``: names of recordings.

    Raises:
        InputError: If a list does not have this form, or a recording is in both halves; the
            message names it.
    """
    halves: dict[str, set[str]] = {'train': set(), 'val': set()}
    for path in paths:
        before, *parts = _HEADING.split(path.read_text('utf-8-sig', 'replace'))
        headings = [heading.lower() for heading in parts[::2]]
        if before.strip() or 'training' not in headings or len(headings) != 2:
            raise InputError(
                f'{path} is not a list of a split, expected the headings "Training videos:" and '
                '"Validataion videos:", each followed by names'
            )
        for heading, text in zip(headings, parts[1::2], strict=True):
            names = {name.removesuffix('.txt') for name in re.split(r'[,\s]+', text) if name}
            if strange := sorted(name for name in names if not _RECORDING.fullmatch(name)):
                raise InputError(f'{path}: {strange[0][:40]!r} is not a recording such as 0002-L')
            halves['train' if heading == 'training' else 'val'] |= names
        if not halves['train']:
            raise InputError(f'{path} names no recording to train on')
        if both := halves['train'] & halves['val']:
            raise InputError(f'{path}: {min(both)} is in both halves of the split')
    return {half: frozenset(names) for half, names in halves.items()}

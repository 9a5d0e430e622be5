"""Data of one's own with any joints, as tables; see docs/bring_your_own_data.md."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import LONGEST_NAME
from mmcmd.datasets.converters.base import Item
from mmcmd.datasets.converters.own import OwnConverter
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS

LABELS = 'labels.csv'


@CONVERTERS.register_module('csv')
class CsvConverter(OwnConverter):
    """Data of your own with any joints, as a folder of tables.

    There is a table ``NAME.csv`` for each sequence, and a ``labels.csv``. A line of a table is a
    frame. Its columns are ``x0,y0,z0,x1,y1,z1,...`` in the order of the layout's joints, without
    the z in an image; for several persons ``p0_x0,p0_y0,...,p1_x0,...``. An empty cell is a
    coordinate that is missing. ``labels.csv`` has the columns ``name`` and ``label`` (numbers or
    names), and perhaps ``split`` and ``subject``.
    """

    def scan(self, source: Path) -> list[Item]:
        """Read ``labels.csv`` and list the tables."""
        labels = source / LABELS
        if not source.is_dir():
            raise InputError(f'{source} is a file, expected a folder of tables and {LABELS}')
        if not labels.is_file():
            raise InputError(f'there is no {labels}')
        samples = _read_labels(labels)
        numbers = self.number([sample['label'] for sample in samples])
        items = [
            Item(str(path), (path, sample | {'label': number}))
            for sample, number in zip(samples, numbers, strict=True)
            for path in (source / f'{sample["frame_dir"]}.csv',)
        ]
        told = {sample['frame_dir'] for sample in samples} | {labels.stem}
        others = sorted(path for path in source.glob('*.csv') if path.stem not in told)
        return items + [Item(str(path), (path, None)) for path in others]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one table."""
        path, said = item.content
        if said is None:
            raise ValueError(f'{path}: {LABELS} does not name it')
        if not path.is_file():
            raise ValueError(f'{path}: named in {LABELS}, but there is no such file')
        try:
            keypoint = self._read_table(path)
        except (ValueError, csv.Error) as error:
            raise ValueError(f'{path}: {error}') from None
        return self.annotation(Item(item.name, said), keypoint)

    def _read_table(self, path: Path) -> np.ndarray:
        """Read joints ``(T, M, V, C)``."""
        with path.open(encoding='utf-8-sig', newline='') as file:
            lines = csv.reader(file)
            header = [cell.strip() for cell in next(lines, [])]
            persons, axes = self._check_header(header)
            rows = [
                [_number(cell, lines.line_num) for cell in _whole(line, header, lines.line_num)]
                for line in lines
                if line
            ]
        return np.array(rows).reshape(len(rows), persons, self.num_joints, axes)

    def _check_header(self, header: list[str]) -> tuple[int, int]:
        """Return the numbers of persons and of axes that the header tells."""
        prefixed = header[:1] == ['p0_x0']
        axes = 'xyz' if any(name.endswith('z0') for name in header) else 'xy'
        width = self.num_joints * len(axes)
        persons = max(len(header) // width, 1) if prefixed else 1
        expected = [
            (f'p{person}_' if prefixed else '') + f'{axis}{joint}'
            for person in range(persons)
            for joint in range(self.num_joints)
            for axis in axes
        ]
        for column, (found, wanted) in enumerate(zip(header, expected, strict=False), 1):
            if found != wanted:
                raise ValueError(f'column {column} is {found[:40]!r}, expected {wanted!r}')
        if len(header) != len(expected):
            raise ValueError(
                f'{len(header)} columns, expected {len(expected)}: {expected[0]} to {expected[-1]}'
            )
        return persons, len(axes)


def _whole(line: list[str], header: list[str], number: int) -> list[str]:
    if len(line) != len(header):
        raise ValueError(f'line {number}: {len(line)} cells, expected {len(header)}')
    return line


def _number(cell: str, line: int) -> float:
    try:
        return float(cell) if cell.strip() else 0.0
    except ValueError:
        raise ValueError(f'line {line}: expected a number, got {cell[:40]!r}') from None


def _read_labels(path: Path) -> list[dict[str, Any]]:
    """Read what ``labels.csv`` says of each sample, labels as text."""
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            return list(_rows(path, file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f'{path} is not a table: {error}') from None


def _rows(path: Path, file: Iterator[str]) -> Iterator[dict[str, Any]]:
    lines = csv.reader(file)
    header = [cell.strip() for cell in next(lines, [])]
    known = ('name', 'label', 'split', 'subject')
    if not {'name', 'label'} <= set(header) or len(set(header)) < len(header):
        raise InputError(f'{path}: expected the columns {",".join(known)}; the last two may lack')
    for line in lines:
        if not line:
            continue
        cells = dict(zip(header, map(str.strip, line), strict=False))
        row = {key: cells[key] for key in known if key in cells}
        if len(line) != len(header) or not all(row.values()):
            raise InputError(f'{path}: line {lines.line_num} has empty or missing cells')
        name = row.pop('name')
        if Path(name).name != name or len(name.encode()) > LONGEST_NAME:
            raise InputError(f'{path}: line {lines.line_num}: {name!r} is not the name of a file')
        yield {'frame_dir': name.removesuffix('.csv'), **row}

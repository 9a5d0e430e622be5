"""Read your own data with any joints from CSV tables; see docs/bring_your_own_data.md."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.base import Item
from mmcmd.datasets.converters.label_table import LABELS, read_labels
from mmcmd.datasets.converters.own import JointsConverter
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS

MISSING = math.nan  # an empty cell; no other cell may be NaN


@CONVERTERS.register_module('csv')
class CsvConverter(JointsConverter):
    """Your own data with any joints, as a folder of tables.

    The folder holds one table ``NAME.csv`` for each sequence, and perhaps ``labels.csv``. Each line
    of a table is a frame. The columns are ``x0,y0,z0,x1,y1,z1,...`` in the order of the layout's
    joints. Joints in an image have ``x0,y0,...``, or ``x0,y0,c0,...`` with confidences. Several
    persons have ``p0_x0,p0_y0,...,p1_x0,...``. If a cell of a joint is empty, the joint is missing
    in that frame, and all its coordinates become zero. ``labels.csv`` has the column ``name``, and
    perhaps ``label`` (numbers or names), ``split`` and ``subject``.
    """

    def scan(self, source: Path) -> list[Item]:
        """Read ``labels.csv`` and list the tables."""
        if not source.is_dir():
            raise InputError(f'{source} is a file, expected a folder of tables and {LABELS}')
        paths = sorted(path for path in source.iterdir() if path.suffix.lower() == '.csv')
        tables = {path.stem: path for path in paths if path.name != LABELS}
        labels = source / LABELS
        told: dict[str, dict[str, str]] | None = None
        if labels.is_file():
            told = {name.removesuffix('.csv'): said for name, said in read_labels(labels).items()}
        elif not tables:
            raise InputError(f'there is no table such as NAME.csv in {source}')
        # If there is a `labels.csv`, a table without an entry in it may not belong to the data.
        names = list(tables if told is None else told)
        samples = [{'frame_dir': name, **(told or {}).get(name, {})} for name in names]
        self.consult_table(samples)
        self.number_labels(samples)
        items = [
            Item(str(path), (path, sample))
            for sample in samples
            for path in (tables.get(sample['frame_dir'], source / f'{sample["frame_dir"]}.csv'),)
        ]
        others = [path for name, path in tables.items() if name not in names]
        return items + [Item(str(path), (path, None)) for path in others]

    def read(self, item: Item) -> dict[str, Any]:
        """Read one table."""
        path, said = item.content
        if said is None:
            raise ValueError(f'{path}: {LABELS} does not name it')
        if not path.is_file():
            raise ValueError(f'{path}: named in {LABELS}, but there is no such file')
        try:
            keypoint, scores = self._read_table(path)
        except (ValueError, csv.Error) as error:
            raise ValueError(f'{path}: {error}') from None
        return self.annotation(Item(item.name, said), keypoint, scores)

    def _read_table(self, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
        """Read joints ``(T, M, V, C)``, and confidences ``(T, M, V)`` if the header names them."""
        with path.open(encoding='utf-8-sig', newline='') as file:
            lines = csv.reader(file)
            header = [cell.strip() for cell in next(lines, [])]
            persons, axes = self._check_header(header)
            rows = [
                [_number(cell, lines.line_num) for cell in _whole(line, header, lines.line_num)]
                for line in lines
                if line
            ]
        joints = np.array(rows).reshape(len(rows), persons, self.num_joints, len(axes))
        joints[np.isnan(joints).any(axis=-1)] = 0
        return (joints[..., :2], joints[..., 2]) if axes == 'xyc' else (joints, None)

    def _check_header(self, header: list[str]) -> tuple[int, str]:
        """Return the number of persons and the axes in the header.

        Raises:
            ValueError: If the columns are not those of the layout.
        """
        prefixed = header[:1] == ['p0_x0']
        third = [axis for axis in 'zc' if any(name.endswith(f'{axis}0') for name in header)]
        axes = 'xy' + ''.join(third[:1])
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
        return persons, axes


def _whole(line: list[str], header: list[str], number: int) -> list[str]:
    if len(line) != len(header):
        raise ValueError(f'line {number}: {len(line)} cells, expected {len(header)}')
    return line


def _number(cell: str, line: int) -> float:
    try:
        number = float(cell) if cell.strip() else MISSING
    except ValueError:
        raise ValueError(f'line {line}: expected a number, got {cell[:40]!r}') from None
    if cell.strip() and math.isnan(number):
        raise ValueError(
            f'line {line}: a coordinate is NaN; leave the cell empty if the joint is missing'
        )
    return number

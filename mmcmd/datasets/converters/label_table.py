"""Read tables with the label of each sequence: ``labels.csv``."""

import csv
from collections.abc import Iterator
from pathlib import Path

from mmcmd.datasets.annotations.reading import LONGEST_NAME
from mmcmd.errors import InputError

COLUMNS = ('name', 'label', 'split', 'subject')
LABELS = 'labels.csv'
"""Name of the table in a folder of sequences."""

Said = dict[str, str]
"""Entries of a table for one sequence: some of ``label``, ``split`` and ``subject``."""


def read_labels(path: Path) -> dict[str, Said]:
    """Read a table of labels.

    Args:
        path (Path): Comma-separated file with a header. The column ``name`` is required; ``label``,
            ``split`` and ``subject`` are optional. A cell of ``label`` may be empty if the sequence
            has no label yet.

    Returns:
        dict[str, dict[str, str]]: The entries of each sequence, by its name.

    Raises:
        InputError: If it is not such a table, or it names a sequence twice.
    """
    if not path.is_file():
        raise InputError(f'there is no {path}')
    found: dict[str, Said] = {}
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            for place, name, said in _rows(path, file):
                if name in found:
                    raise InputError(f'{place}: {name!r} is in the table twice')
                found[name] = said
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f'{path} is not a table: {error}') from None
    return found


def _rows(path: Path, file: Iterator[str]) -> Iterator[tuple[str, str, Said]]:
    """Return the place, the name and the rest of each row."""
    lines = csv.reader(file)
    header = [cell.strip() for cell in next(lines, [])]
    others = sorted(set(header) - set(COLUMNS))
    # If there is no column `label`, an unknown column may be the label under another name.
    if 'name' not in header or len(set(header)) < len(header) or ('label' not in header and others):
        raise InputError(
            f'{path}: expected the columns {",".join(COLUMNS)} (small letters, separated by '
            'commas), of which only name is required, '
            f'got {",".join(header)[:80]}'
        )
    for line in lines:
        if not line:
            continue
        place = f'{path}: line {lines.line_num}'
        cells = dict(zip(header, map(str.strip, line), strict=False))
        row = {key: cells[key] for key in COLUMNS if key in cells}
        if len(line) != len(header) or not all(row[key] for key in row.keys() - {'label'}):
            raise InputError(f'{place} has empty or missing cells')
        name = row.pop('name')
        if Path(name).name != name or len(name.encode()) > LONGEST_NAME:
            raise InputError(f'{place}: {name!r} is not the name of a file')
        yield place, name, {key: cell for key, cell in row.items() if cell}

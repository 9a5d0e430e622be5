"""Write the table of methods in README.md: published numbers beside measured ones.

Published numbers are those of the pages in docs/methods, measured ones those of the tables in
docs/results. Run it after one of them has changed:

    python docs/results/make_readme_table.py
"""

import json
import re
import statistics
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs' / 'results'
TABLES = ('bandai2_methods.json', 'bandai2_baselines.json')  # the first that has a number counts
COLUMNS = (('knn', 'knn/3s_top1'), ('linear', 'acc/3s_top1'))
BEGIN, END = '<!-- methods: begin -->', '<!-- methods: end -->'
# Page and name of each row. Rows without a page need no pre-training.
ROWS = {
    'raw': ('', 'raw coordinates'),
    'random': ('', 'encoder without training'),
    'MoCo': ('moco', 'MoCo v2'),
    'CMD': ('cmd', 'CMD'),
    'SkeletonCLR': ('skeletonclr', 'SkeletonCLR'),
    'CrosSCLR': ('crossclr', 'CrosSCLR'),
    'CrosSCLR-B': ('crossclr', 'CrosSCLR-B'),
    'AimCLR': ('aimclr', 'AimCLR'),
    'ISC': ('isc', 'ISC'),
    'PCM3': ('pcm3', 'PCM3'),
    'MAMP': ('mamp', 'MAMP'),
    'STARS': ('stars', 'STARS'),
    'USDRL': ('usdrl', 'USDRL'),
    'SLiM': ('slim', 'SLiM'),
    'AS-CAL': ('ascal', 'AS-CAL'),
    'MS2L': ('ms2l', 'MS2L'),
    'P&C': ('pc', 'P&C'),
    'LongT GAN': ('longtgan', 'LongT GAN'),
}


def main() -> None:
    path = ROOT / 'README.md'
    text = path.read_text()
    before, rest = text.split(BEGIN)
    path.write_text(f'{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}')


def table() -> str:
    """Return the table as Markdown."""
    seen = measurements()
    lines = [
        '| | published, linear | source | measured, KNN | measured, linear |',
        '| --- | ---: | --- | ---: | ---: |',
    ]
    for method, (page, name) in ROWS.items():
        if page and not (ROOT / f'docs/methods/{page}.md').is_file():
            continue
        link = f'[{name}](docs/methods/{page}.md)' if page else name
        number, source = published(method, page) if page else ('', '')
        cells = [link, number, source, *(seen.get((method, metric), '') for _, metric in COLUMNS)]
        lines.append(f'| {" | ".join(cells)} |'.replace('  ', ' '))
    return '\n'.join(lines)


def published(method: str, page: str) -> tuple[str, str]:
    """Return the published linear accuracy on NTU-60 x-sub with its stream, and its source."""
    text = (ROOT / f'docs/methods/{page}.md').read_text()
    rows = re.findall(rf'^\| {re.escape(method)}, linear\w*, (\w+) \|(.*)\|$', text, re.MULTILINE)
    for stream, cells in sorted(rows, key=lambda row: row[0] != '3s'):
        number, *_, source = (cell.strip() for cell in cells.split('|'))
        if number and stream in ('3s', 'joint'):
            return f'{number} ({stream})', source
    return '', ''


def measurements() -> dict[tuple[str, str], str]:
    """Return mean and standard deviation over seeds by method and metric."""
    seen = {}
    for name in TABLES:
        rows = json.loads((RESULTS / name).read_text())['rows']
        for cell in (cell for row in rows.values() for cell in row if cell and cell['runs']):
            values = [run['last'] for run in cell['runs']]
            spread = f' ± {statistics.stdev(values):.1f}' if len(values) > 1 else ' (1 seed)'
            seen.setdefault(
                (cell['method'], cell['metric']), f'{statistics.mean(values):.1f}{spread}'
            )
    return seen


if __name__ == '__main__':
    main()

"""Write the tables of methods in README.md and in docs/results/README.md.

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
METRICS = ('knn/3s_top1', 'acc/3s_top1')  # of the README
ALL_METRICS = {
    f'{protocol}, {stream}': f'{prefix}/{name}top1'
    for protocol, prefix, first in (('knn', 'knn', ''), ('linear', 'acc', 'joint_'))
    for stream, name in (('joint', first), ('motion', 'motion_'), ('bone', 'bone_'), ('3s', '3s_'))
}
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
    for path, lines in tables().items():
        before, rest = path.read_text().split(BEGIN)
        path.write_text(f'{before}{BEGIN}\n{lines}\n{END}{rest.split(END)[1]}')


def tables() -> dict[Path, str]:
    """Return both tables as Markdown, by file."""
    return {ROOT / 'README.md': table(), RESULTS / 'README.md': full_table()}


def table() -> str:
    """Return the table of the README: published and measured numbers of each method."""
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
        cells = [link, number, source, *(seen.get((method, x), '') for x in METRICS)]
        lines.append(f'| {" | ".join(cells)} |'.replace('  ', ' '))
    return '\n'.join(lines)


def full_table() -> str:
    """Return all measured numbers of the methods that were measured."""
    seen = measurements()
    head = ['', *ALL_METRICS]
    lines = [f'| {" | ".join(head)} |', f'| --- |{" ---: |" * len(ALL_METRICS)}']
    for method, (_, name) in ROWS.items():
        numbers = [seen.get((method, x), '') for x in ALL_METRICS.values()]
        if any(numbers):
            lines.append(f'| {" | ".join([name, *numbers])} |'.replace('  ', ' '))
    return '\n'.join(lines).replace('|  |', '| |')


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

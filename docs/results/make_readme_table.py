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
# Tables of each data set. The first that has a number counts.
TABLES = {
    'bandai2': ('bandai2_methods.json', 'bandai2_baselines.json'),
    'nwucla': ('nwucla_methods.json',),
}
METRICS = ('knn/3s_top1', 'acc/3s_top1')  # of the README
ALL_METRICS = {
    f'{protocol}, {stream}': f'{prefix}/{name}top1'
    for protocol, prefix, first in (('knn', 'knn', ''), ('linear', 'acc', 'joint_'))
    for stream, name in (('joint', first), ('motion', 'motion_'), ('bone', 'bone_'), ('3s', '3s_'))
}
BEGIN, END = '<!-- {}: begin -->', '<!-- {}: end -->'
BASELINES = 'raw', 'random'
# Page and name of each row. README.md has only the rows with a page, and the baselines.
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
    'CMD, transformer': ('', 'CMD with the transformer of MAMP'),
    'MAMP': ('mamp', 'MAMP'),
    'SkeletonMAE': ('', 'SkeletonMAE'),
    'STARS': ('stars', 'STARS'),
    'USDRL': ('usdrl', 'USDRL'),
    'SLiM': ('slim', 'SLiM'),
    'AS-CAL': ('ascal', 'AS-CAL'),
    'MS2L': ('ms2l', 'MS2L'),
    'P&C': ('pc', 'P&C'),
    'LongT GAN': ('longtgan', 'LongT GAN'),
}


def main() -> None:
    for (path, name), lines in tables().items():
        begin, end = BEGIN.format(name), END.format(name)
        before, rest = path.read_text().split(begin)
        path.write_text(f'{before}{begin}\n{lines}\n{end}{rest.split(end)[1]}')


def tables() -> dict[tuple[Path, str], str]:
    """Return all tables as Markdown, by file and by the name in the comments around them."""
    return {
        (ROOT / 'README.md', 'methods'): table(),
        (RESULTS / 'README.md', 'methods'): full_table('bandai2'),
        (RESULTS / 'README.md', 'nwucla'): full_table('nwucla'),
    }


def table() -> str:
    """Return the table of the README: published and measured numbers of each method."""
    seen = measurements('bandai2')
    lines = [
        '| | published, linear | source | measured, KNN | measured, linear |',
        '| --- | ---: | --- | ---: | ---: |',
    ]
    for method, (page, name) in ROWS.items():
        if page and not (ROOT / f'docs/methods/{page}.md').is_file():
            continue
        link = f'[{name}](docs/methods/{page}.md)' if page else name
        number, source = published(method, page) if page else ('', '')
        measured = [seen.get((method, x), '') for x in METRICS]
        if not page and method not in BASELINES:
            continue
        cells = [link, number, source, *measured]
        lines.append(f'| {" | ".join(cells)} |'.replace('  ', ' '))
    return '\n'.join(lines)


def full_table(data: str) -> str:
    """Return all measured numbers of the methods that were measured on a data set."""
    seen = measurements(data)
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


def measurements(data: str) -> dict[tuple[str, str], str]:
    """Return mean and standard deviation over seeds by method and metric."""
    seen = {}
    for name in TABLES[data]:
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

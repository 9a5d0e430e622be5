"""The pages of the methods agree with configs and tables."""

import re
from pathlib import Path

import pytest

from mmcmd.apis import choices
from mmcmd.reproduction.papers import TABLES
from mmcmd.reproduction.protocols import KNN, PROTOCOLS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / 'docs' / 'methods'
PAGES = {path.stem: path.read_text() for path in FOLDER.glob('*.md') if path.stem != 'README'}
FOLDERS = {path.name for path in (ROOT / 'configs').iterdir() if path.name[0] != '_'}


def test_every_method_has_a_page_and_the_index_lists_it():
    methods = FOLDERS - {'baselines', 'benchmarks', 'recipes'}
    assert set(PAGES) == methods
    index = (FOLDER / 'README.md').read_text()
    assert [name for name in methods if f']({name}.md)' not in index] == []


@pytest.mark.parametrize('path', sorted(FOLDER.glob('*.md')), ids=lambda path: path.stem)
def test_links_and_configs_exist(path):
    text = path.read_text()
    links = re.findall(r'\]\(((?!http)[^)]+)\)', text)
    assert links
    # tests/docs checks the part after #.
    assert [link for link in links if not (FOLDER / link.split('#')[0]).exists()] == []
    configs = [x for x in re.findall(r'configs/[\w/]+\.py', text) if 'METHOD' not in x]
    assert [name for name in configs if not (ROOT / name).is_file()] == []
    encoders = {x for x in re.findall(r'--encoder ([a-z]\w+)', text)}
    assert encoders <= set(choices('encoders'))
    tables = {x for line in re.findall(r'reproduce.py ([a-z_0-9 ]+)', text) for x in line.split()}
    assert tables <= set(TABLES)


@pytest.mark.parametrize('name', PAGES)
def test_published_numbers_are_those_of_the_tables(name):
    published = {
        (cell.method, cell.protocol, cell.stream, data, number, cell.source)
        for table in TABLES.values()
        for row in table.rows.values()
        for cell in row
        if cell
        for data, number in cell.paper.items()
    }
    numbers = PAGES[name].split('## Published numbers')[1].split('\n## ')[0]
    head, _, *rows = re.findall(r'^\|(.*)\|$', numbers, re.MULTILINE)
    data = [x.strip() for x in head.split('|')][1:-1]
    assert rows
    for row in rows:
        label, *values, source = (x.strip() for x in row.split('|'))
        method, protocol, stream = label.rsplit(', ', 2)
        assert protocol in {KNN, *PROTOCOLS}
        for column, value in zip(data, values, strict=True):
            if value:
                cell = method, protocol, stream, column, float(value), source
                assert cell in published


@pytest.mark.parametrize('name', PAGES)
def test_a_page_has_all_its_parts(name):
    text = PAGES[name]
    assert text.count('```mermaid') == 1
    parts = ['## Published numbers', '## Traps', "## Compared with the authors' code"]
    assert [line for line in text.splitlines() if line.startswith('## ')] == parts
    assert 'tools/train.py' in text

"""The pages are whole: a short README with current numbers, drawings, a picture, a build."""

import re
import runpy

import pytest
from doc_blocks import PAGES, ROOT, read_page
from PIL import Image

PICTURE = 'docs/pictures/neighbours.gif'


def test_readme_has_120_lines_at_most_and_begins_with_the_picture(root):
    text = (root / 'README.md').read_text()
    assert len(text.splitlines()) <= 120
    assert text.split('\n\n')[1].replace('\n', ' ').endswith(f'({PICTURE})')
    assert 'CC BY-NC 4.0' in text


def test_picture_moves_and_is_small(root):
    assert (root / PICTURE).stat().st_size < 2_000_000
    with Image.open(root / PICTURE) as picture:
        assert picture.n_frames >= 20


def test_tables_of_methods_are_those_of_the_results(root):
    tool = runpy.run_path(str(root / 'docs/results/make_readme_table.py'))
    for (path, name), table in tool['tables']().items():
        begin, end = tool['BEGIN'].format(name), tool['END'].format(name)
        shown = path.read_text().split(begin)[1].split(end)[0]
        assert shown.strip() == table, 'run: python docs/results/make_readme_table.py'
    pages = {page for page, _ in tool['ROWS'].values()} - {''}
    assert {x.stem for x in (root / 'docs/methods').glob('*.md')} <= pages | {'README'}


def test_drawings_are_those_of_the_pages(root):
    tool = runpy.run_path(str(root / 'docs/pictures/draw_flows.py'))
    flows, drawn = tool['flows'](), {x.stem: x for x in tool['FOLDER'].glob('*.svg')}
    assert set(flows) <= set(drawn)
    old = [
        name for name, flow in flows.items() if tool['mark'](flow) not in drawn[name].read_text()
    ]
    assert old == [], 'run docs/pictures/draw_flows.py'


def test_site_needs_no_network(root):
    text = (root / 'docs/conf.py').read_text()
    assert not re.findall(r'https?://', text)
    for path in (root / 'docs/pictures/flows').glob('*.svg'):
        addresses = set(re.findall(r'(?:href|src|url)\W+(https?://[^"\')]+)', path.read_text()))
        assert addresses == set(), path


def test_every_page_of_a_data_set_names_its_configs(root):
    names = {x.stem for x in (root / 'configs/_base_/datasets').glob('*.py')}
    text = '\n'.join(x.read_text() for x in (root / 'docs/data_sets').glob('*.md'))
    assert [name for name in sorted(names - {'syntheticpku_xsub'}) if name not in text] == []


@pytest.mark.parametrize('path', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_is_lost_on_the_site(path):
    # MyST takes a line that begins with one of these signs for a comment or a break.
    lost = [x for x in read_page(path).splitlines() if re.match(r'\s*(%|\+\+\+)', x)]
    assert [x for x in lost if '```' not in x] == []

"""The table of docs/layouts.md is equal to the layouts."""

import json
import re

import pytest

from mmcmd.skeletons import LAYOUTS, get_layout


@pytest.fixture(scope='module')
def page(root):
    return (root / 'docs' / 'layouts.md').read_text()


def words(point, layout):
    if isinstance(point, int):
        return layout.joints[point]
    return 'middle of ' + ' and '.join(layout.joints[joint] for joint in point)


def test_table_has_every_layout_with_its_joints_and_spine(page):
    rows = re.findall(r'^\| `(\w+)` \| (\d+) \| .+ \| (x, y|x, y, z) \| (.+) \|$', page, re.M)
    assert [name for name, *_ in rows] == list(LAYOUTS)
    for name, joints, coordinates, spine in rows:
        layout = LAYOUTS[name]
        assert int(joints) == layout.num_joints
        if layout.spine is None:
            assert spine == 'not turned'
        else:
            assert spine == ' to '.join(words(point, layout) for point in layout.spine)
            assert coordinates == 'x, y, z'


def test_example_is_a_layout(page):
    text = re.search(r'```json\n(.+?)```', page, re.S)[1]
    assert get_layout(json.loads(text)).num_joints == 6


def test_every_field_of_a_layout_is_explained(page):
    table = page.split('## A layout of your own')[1].split('## One layout')[0]
    explained = set(re.findall(r'^\| `(\w+)` \|', table, re.M))
    assert explained == set(LAYOUTS['ntu'].to_dict()) - {'name', 'graph_name'}


@pytest.mark.parametrize('name', sorted(LAYOUTS))
def test_every_layout_says_where_its_joints_are_documented(name):
    assert len(LAYOUTS[name].source) > 30


def test_page_lists_the_joints_of_every_layout_in_order(page):
    lists = re.findall(r'^- `(\w+)`: (0 .*?)(?=\n- `|\n\n)', page, flags=re.M | re.S)
    found = {name: ' '.join(text.split()) for name, text in lists}
    assert found == {
        name: ', '.join(f'{index} {joint}' for index, joint in enumerate(layout.joints))
        for name, layout in LAYOUTS.items()
    }

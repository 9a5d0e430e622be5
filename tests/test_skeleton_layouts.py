import dataclasses

import pytest

from mmcmd.errors import InputError
from mmcmd.skeletons import LAYOUTS, get_layout


@pytest.mark.parametrize('name', sorted(LAYOUTS))
def test_layout_is_one_tree_with_one_root(name):
    layout = LAYOUTS[name]
    roots = [joint for joint, parent in enumerate(layout.parents) if joint == parent]
    assert len(roots) == 1
    for joint in range(layout.num_joints):
        seen = set()
        while layout.parents[joint] != joint:
            assert joint not in seen, 'a cycle'
            seen.add(joint)
            joint = layout.parents[joint]
        assert joint == roots[0]
    assert len(set(layout.joints)) == layout.num_joints
    assert layout.name == name


def test_joints_that_orient_an_ntu_body_are_the_published_ones():
    ntu = get_layout('ntu')
    assert (ntu.num_joints, ntu.centre, ntu.spine, ntu.shoulders) == (25, 1, (0, 1), (4, 8))
    assert [ntu.joints[i] for i in ntu.shoulders] == ['shoulder_left', 'shoulder_right']


def test_unknown_layout_lists_those_there_are():
    with pytest.raises(InputError, match=r"'alien'.*bandai2.*ntu"):
        get_layout('alien')


@pytest.mark.parametrize('changes', [{'parents': (0, 1)}, {'centre': 25}, {'spine': (0, -1)}])
def test_layout_with_wrong_indices_cannot_be_made(changes):
    with pytest.raises(ValueError, match="layout 'ntu'"):
        dataclasses.replace(LAYOUTS['ntu'], **changes)


def test_layout_of_ones_own_is_given_by_its_fields():
    fields = LAYOUTS['kinect_v1'].to_dict() | {'name': 'mine', 'parents': [*range(-1, 19)]}
    with pytest.raises(InputError, match=r"fields name, joints.*layout 'mine': joint indices"):
        get_layout(fields)
    fields['parents'][0] = 0  # as lists, as a config or JSON has them
    mine = get_layout(fields)
    assert mine.parents == (0, *range(19))
    assert mine.graph == {
        'num_node': 20,
        'inward': [(joint, joint - 1) for joint in range(1, 20)],
        'center': 0,
    }
    assert get_layout(mine.to_dict()) == mine
    with pytest.raises(InputError, match='colour'):
        get_layout(fields | {'colour': 'red'})

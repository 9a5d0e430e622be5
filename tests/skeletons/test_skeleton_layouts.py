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


@pytest.mark.parametrize('name', sorted(LAYOUTS))
def test_each_limb_is_one_side_s_and_mirrors_the_other(name):
    layout = LAYOUTS[name]
    trunk, *limbs = layout.parts
    assert sorted(sum(layout.parts, ())) == list(range(layout.num_joints))
    for part, side in zip(limbs, ('left', 'right', 'left', 'right'), strict=True):
        assert all(side in layout.joints[joint].split('_') for joint in part)
    for left, right in (limbs[:2], limbs[2:]):
        assert sorted(layout.mirrored[joint] for joint in left) == sorted(right)
    assert any('foot' in layout.joints[x] or 'ankle' in layout.joints[x] for x in limbs[2])
    assert sorted(layout.mirrored[joint] for joint in trunk) == sorted(trunk)


def test_joints_that_orient_an_ntu_body_are_the_published_ones():
    ntu = get_layout('ntu')
    assert (ntu.num_joints, ntu.centre, ntu.spine, ntu.shoulders) == (25, 1, (0, 1), (4, 8))
    assert [ntu.joints[i] for i in ntu.shoulders] == ['shoulder_left', 'shoulder_right']
    assert ntu.trunk == 20


def test_mirrored_ntu_joints_are_those_of_aimclr():
    middle, arms, legs = [0, 1, 2, 3], [8, 9, 10, 11, 4, 5, 6, 7], [16, 17, 18, 19, 12, 13, 14, 15]
    assert [*get_layout('ntu').mirrored] == [*middle, *arms, *legs, 20, 23, 24, 21, 22]


@pytest.mark.parametrize(
    ('joints', 'message'),
    [(('hand_left', 'hand_lost'), 'no hand_right'), (('a', 'b'), 'no left or right joint')],
)
def test_joints_without_partners_have_no_mirror(joints, message):
    layout = get_layout({'name': 'mine', 'joints': joints, 'parents': (0, 0), 'centre': 0})
    with pytest.raises(InputError, match=f"layout 'mine'.*{message}"):
        layout.mirrored  # noqa: B018


def test_unknown_layout_lists_those_there_are():
    with pytest.raises(InputError, match=r"'alien'.*bandai2.*ntu"):
        get_layout('alien')


@pytest.mark.parametrize(
    'changes',
    [
        {'parents': (0, 1)},
        {'centre': 25},
        {'spine': (0, -1)},
        {'trunk': 25},
        {'parts': [[*range(25)]]},
    ],
)
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


def test_parts_of_a_layout_of_ones_own_hold_every_joint_once():
    fields = {'name': 'mine', 'joints': 'abcdef', 'parents': [0] * 6, 'centre': 3}
    without = get_layout(fields)
    assert (without.trunk, without.parts) == (3, None)
    parts = [[5, 0], [1], [2], [3], [4]]  # as JSON has them
    mine = get_layout(fields | {'parts': parts, 'trunk': 2})
    assert (mine.trunk, mine.parts) == (2, ((5, 0), (1,), (2,), (3,), (4,)))
    assert get_layout(mine.to_dict()).parts == mine.parts
    assert mine == without, 'a file that was written without them has the same joints'
    for wrong in (
        [[0], [1], [2], [3], [4]],
        [[5, 0], [1], [2], [3], [4, 0]],
        [[0, 5], [1, 2, 3, 4]],
    ):
        with pytest.raises(InputError, match='parts must be trunk, left arm'):
            get_layout(fields | {'parts': wrong})


def test_own_graph_is_made_from_the_parents_even_where_mmaction2_has_a_name():
    ntu = get_layout('ntu')
    assert ntu.graph == 'nturgb+d'
    assert ntu.own_graph['center'] == 20
    assert (21, 22) in ntu.own_graph['inward']  # mmaction2 hangs joint 21 on joint 7
    assert len(ntu.own_graph['inward']) == 24

import dataclasses
import json

import numpy as np
import pytest
from mmaction.models.utils import Graph

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.annotations.reading import load_annotations, save_annotations
from mmcmd.datasets.converters.options import read_layout
from mmcmd.datasets.transforms import MapLayout
from mmcmd.errors import InputError
from mmcmd.models import FeatureExtractor
from mmcmd.skeletons import LAYOUTS, get_layout, take_point


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


def test_unknown_layout_lists_those_there_are_and_the_closest():
    with pytest.raises(InputError, match=r"'alien'; layouts are .*bandai2.*ntu"):
        get_layout('alien')
    for wrong, right in (('COCO17', 'coco'), ('kinectv2', 'kinect_v2'), ('smpl', 'smpl24')):
        with pytest.raises(InputError, match=rf"did you mean '{right}'\?"):
            get_layout(wrong)


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


STICK = {
    'name': 'mine',
    'joints': ['hip', 'neck', 'hand_left', 'hand_right'],
    'parents': [-1, 0, 1, 1],
    'centre': 0,
}


def test_layout_of_ones_own_is_given_by_its_fields():
    fields = LAYOUTS['kinect_v1'].to_dict() | {'name': 'mine', 'parents': [0, *range(19)]}
    mine = get_layout(fields)
    assert mine.parents == (0, *range(19))
    assert mine.graph == {
        'num_node': 20,
        'inward': [(joint, joint - 1) for joint in range(1, 20)],
        'center': 0,
    }
    assert get_layout(mine.to_dict()) == mine
    assert get_layout(mine) is mine


@pytest.mark.parametrize('root', [-1, None, 0, 'hip'])
def test_root_is_its_own_parent_or_has_none(root):
    assert get_layout(STICK | {'parents': [root, 0, 1, 1]}).parents == (0, 0, 1, 1)


def test_joints_are_given_by_name_or_index():
    names = {
        'parents': [None, 'hip', 'neck', 'neck'],
        'centre': 'hip',
        'spine': ['hip', 'neck'],
        'shoulders': ['hand_left', 'hand_right'],
        'parts': [['hip', 'neck'], ['hand_left'], ['hand_right'], [], []],
    }
    indices = {
        'spine': [0, 1],
        'shoulders': [2, 3],
        'parts': [[0, 1], [2], [3], [], []],
    }
    by_name, by_index = get_layout(STICK | names), get_layout(STICK | indices)
    assert by_name == by_index
    assert (by_name.parts, by_name.trunk) == (by_index.parts, 0)


def test_point_is_the_middle_of_the_joints_that_are_there():
    mine = get_layout(STICK | {'centre': ['hand_left', 'hand_right']})
    assert mine.centre == mine.trunk == (2, 3)
    keypoint = np.arange(1.0, 25).reshape(2, 4, 3)
    keypoint[1, 3] = 0
    found = take_point(keypoint, mine.centre)
    np.testing.assert_array_equal(found, [keypoint[0, 2:].mean(axis=0), keypoint[1, 2]])
    np.testing.assert_array_equal(take_point(keypoint, 1), keypoint[:, 1])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'parents': [1, 2, 0, 1]}, 'circle: hip hangs on neck hangs on hand_left hangs on hip'),
        ({'parents': [-1, 0, 1, 4]}, "the parent of 'hand_right' is 4.* has -1"),
        ({'parents': [-1, 0, 1, -2]}, "the parent of 'hand_right' is -2"),
        ({'parents': [0, 0, 1]}, '4 joints but 3 parents'),
        ({'parents': [0, 0, 1, 1.5]}, '1.5, expected the name of a joint or its index, an integer'),
        ({'parents': 'abcd'}, '`parents` must be a list'),
        ({'parents': [None, 'hips', 1, 1]}, r"'hips' that is not in .* \(did you mean 'hip'\?\)"),
        ({'joints': ['a', 'b', 'c', 'a']}, "'a' twice"),
        ({'joints': [1, 2, 3, 4]}, 'must be text'),
        ({'centre': True}, 'True, expected the name of a joint or its index, an integer'),
        ({'centre': []}, 'empty list'),
        ({'spine': [0]}, '`spine` must be two joints'),
        ({'spine': [0, 1]}, 'both or neither'),
        ({'parts': 5}, 'parts must be trunk'),
        ({'same_as': ['hip']}, '`same_as` must be a mapping'),
        ({'same_as': {'hip': 3}}, '`same_as` has 3'),
        ({'name': 3}, '`name` of a layout must be text'),
        ({'parent': [0]}, r"no field 'parent' \(did you mean 'parents'\?\)"),
    ],
)
def test_field_that_makes_no_sense_is_told(changes, message):
    with pytest.raises(InputError, match=message):
        get_layout(STICK | changes)
    with pytest.raises(InputError, match='needs `parents`'):
        get_layout({key: value for key, value in STICK.items() if key != 'parents'})


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'joints': ['hip', 'neck', 'hand'], 'parents': [0, 0, 1]}, '`joints`: 4 and 3'),
        ({'joints': ['hip', 'neck', 'hand', 'foot']}, "`joints[2]`: 'hand_left' and 'hand'"),
        ({'parents': [0, 0, 0, 1]}, "`parents[2]`: 'hand_left' on 'neck' and on 'hip'"),
        ({'centre': 1}, '`centre`: 0 and 1'),
        ({'spine': [0, 1], 'shoulders': [2, 3]}, '`spine`: None and (0, 1)'),
        ({'graph_name': 'coco'}, "`graph_name`: '' and 'coco'"),
        ({'name': 'yours', 'trunk': 1, 'source': 'my head'}, ''),
    ],
)
def test_first_field_that_differs_is_named(changes, message):
    mine, other = get_layout(STICK), get_layout(STICK | changes)
    assert mine.difference(other) == message
    assert (mine == other) == (not message)


def test_layout_is_read_from_the_file_that_the_converter_takes(tmp_path):
    path = tmp_path / 'layout.json'
    path.write_text(json.dumps(STICK))
    assert get_layout(path) == get_layout(str(path)) == get_layout(STICK)
    assert get_layout(read_layout(path)) == get_layout(STICK)
    for text, message in (('[1]', 'expected an object'), ('{', 'is not JSON')):
        path.write_text(text)
        with pytest.raises(InputError, match=rf'layout\.json.*{message}'):
            get_layout(path)
    with pytest.raises(InputError, match='is a folder, expected the JSON file'):
        get_layout(tmp_path)
    with pytest.raises(InputError, match=r'no file .*none\.json'):
        get_layout(tmp_path / 'none.json')


def test_name_out_of_a_foreign_file_reads_no_other_file(tmp_path):
    path = tmp_path / 'layout.json'
    path.write_text(json.dumps(STICK))
    with pytest.raises(InputError, match='there is no skeleton layout'):
        get_layout(str(path), files=False)
    assert get_layout('ntu', files=False) is LAYOUTS['ntu']


def test_parts_of_a_layout_of_ones_own_hold_every_joint_once():
    fields = {'name': 'mine', 'joints': 'abcdef', 'parents': [0] * 6, 'centre': 3}
    without = get_layout(fields)
    assert (without.trunk, without.parts) == (3, None)
    parts = [[5, 0], [1], [2], [3], [4]]  # lists, as in JSON
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
    assert (21, 22) in ntu.own_graph['inward']  # in mmaction2, joint 7 is the parent of 21
    assert len(ntu.own_graph['inward']) == 24


@pytest.mark.parametrize('name', sorted(LAYOUTS))
def test_graph_encoders_of_mmaction2_take_every_layout(name):
    layout = LAYOUTS[name]
    for graph in (layout.graph, layout.own_graph):
        matrices = Graph(layout=graph, mode='spatial').A
        assert matrices.shape == (3, layout.num_joints, layout.num_joints)
        assert np.isfinite(matrices).all()


def test_layout_object_is_taken_wherever_a_name_is(tmp_path, tiny_pickle):
    kinect, ntu = get_layout('kinect_v1'), get_layout('ntu')
    assert get_layout(kinect) is kinect
    assert get_layout(read_layout(kinect)) == kinect
    assert MapLayout(kinect).layout == kinect
    dataset = SkeletonDataset(str(tiny_pickle), [], layout=ntu)
    assert dataset[0]['layout'] == ntu
    model = FeatureExtractor(backbone={'type': 'BiGRU', 'hidden_size': 4}, layout=kinect)
    assert model.describe()['layout'] == 'kinect_v1'


def test_layout_object_in_annotations_is_saved_as_plain_data(tmp_path):
    joints = np.ones((1, 2, 20, 3), np.float32)
    sample = {'frame_dir': 'a', 'label': 0, 'keypoint': joints, 'total_frames': 2}
    data = {'split': {}, 'annotations': [sample], 'layout': get_layout('kinect_v1')}
    save_annotations(data, tmp_path / 'x.pkl')
    assert get_layout(load_annotations(tmp_path / 'x.pkl')['layout']) == get_layout('kinect_v1')

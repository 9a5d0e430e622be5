import pickle

import numpy as np
import pytest

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.transforms import MapLayout, normalize_skeleton
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS
from mmcmd.skeletons import LAYOUTS, get_layout
from mmcmd.synthetic.formats.kinect_v1 import record_person
from mmcmd.synthetic.plan import Plan
from mmcmd.synthetic.recording import record, simulate

KINECT = LAYOUTS['kinect_v1']


def sample(keypoint, layout, **more):
    return {'keypoint': keypoint, 'layout': layout, 'frame_dir': 'a'} | more


@pytest.fixture(scope='module')
def recorded():
    """Return one simulated person as a Kinect v2 and as a Kinect v1 would record it."""
    plan, performance = Plan(), (1, 1, 3)
    bodies = simulate(plan.seed, performance)
    kinect = record_person(plan, performance, bodies, 2)
    tracks = record(plan.seed, performance, bodies, 2)
    person = max(tracks, key=lambda track: track.states.mean())
    return person.joints[person.present][None], kinect[None]


def test_simulated_kinect_v2_person_becomes_that_of_kinect_v1(recorded):
    ntu, kinect = recorded
    mapped = MapLayout('kinect_v1')(sample(ntu, 'ntu'))
    assert mapped['layout'] is KINECT
    same = [index for index, name in enumerate(KINECT.joints) if name != 'spine']
    np.testing.assert_allclose(mapped['keypoint'][:, :, same], kinect[:, :, same], atol=1e-6)


@pytest.mark.parametrize('turn', [-50, 0, 50])
@pytest.mark.parametrize('source', ['azure_kinect', 'smpl24', 'ntu', 'kinect_v2'])
def test_body_of_another_sensor_is_normalised_like_one_of_the_target(source, turn, body):
    mapped = MapLayout('kinect_v1')(sample(body(source, turn), source))['keypoint']
    found, expected = (normalize_skeleton(x, KINECT) for x in (mapped, body('kinect_v1', turn)))
    if source not in ('azure_kinect', 'smpl24'):  # these have no joint between the shoulders
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found, expected, atol=0.05)


@pytest.mark.parametrize('source', ['bandai2', 'mediapipe33', 'h36m'])
def test_body_of_unknown_direction_does_not_end_upside_down(source, body):
    mapped = MapLayout('kinect_v1', 'nearest')(sample(body(source, 5), source))['keypoint']
    pose = normalize_skeleton(mapped, KINECT)[0, 0]
    up, right = pose[KINECT.joints.index('head'), 2], pose[KINECT.joints.index('hip_right'), 0]
    assert up > 0.2
    assert right > 0.05


def test_sequence_without_a_person_stays_zero(body):
    keypoint = body('azure_kinect') * 0
    assert not MapLayout('kinect_v1')(sample(keypoint, 'azure_kinect'))['keypoint'].any()


def test_sample_that_cannot_be_mapped_is_named(body):
    transform = TRANSFORMS.build(dict(type='MapLayout', layout='kinect_v1'))
    for keypoint, layout, more, message in (
        (body('ntu'), 'ntu', {'normalized': True}, 'a is pre-normalised .* raw coordinates'),
        (
            body('coco'),
            'coco',
            {},
            "a: layout 'coco' cannot .* no hand_left, hand_right",
        ),
        (body('ntu')[..., :2], 'ntu', {}, 'a: joints with 2 coordinates .* `spine`'),
    ):
        with pytest.raises(InputError, match=message):
            transform(sample(keypoint, layout, **more))
    with pytest.raises(InputError, match="did you mean 'kinect_v1'"):
        MapLayout('kinect_v_1')


def test_points_in_an_image_are_mapped_to_a_layout_that_turns_nothing(body):
    found = MapLayout('coco')(sample(body('halpe26'), 'halpe26'))['keypoint']
    np.testing.assert_allclose(found, body('coco'), atol=1e-6)


@pytest.fixture
def write(tmp_path, body):
    """Return a function: facts of the file -> pickle of one NTU body."""

    def write(**facts):
        keypoint = body('ntu')
        one = dict(frame_dir='a', label=0, keypoint=keypoint, total_frames=keypoint.shape[1])
        path = tmp_path / f'{len(facts)}.pkl'
        path.write_bytes(pickle.dumps(dict(split={}, annotations=[one], layout='ntu') | facts))
        return str(path)

    return write


def test_dataset_maps_its_samples_before_the_pipeline(write, body):
    dataset = SkeletonDataset(write(), [], layout='ntu', map_to='kinect_v1')
    assert get_layout(dataset[0]['layout']) == KINECT
    expected = MapLayout('kinect_v1')(sample(body('ntu'), 'ntu'))['keypoint']
    np.testing.assert_array_equal(dataset[0]['keypoint'], expected)
    again = pickle.loads(pickle.dumps(dataset))  # as for a worker that is spawned
    np.testing.assert_array_equal(again[0]['keypoint'], expected)


def test_dataset_refuses_what_it_cannot_map(write):
    with pytest.raises(InputError, match=r'\.pkl is pre-normalised, and map_to needs raw'):
        SkeletonDataset(write(normalized=True), [], layout='ntu', map_to='kinect_v1')
    with pytest.raises(InputError, match=r"\.pkl: layout 'ntu' cannot be turned into 'halpe26'"):
        SkeletonDataset(write(), [], layout='ntu', map_to='halpe26')


def test_file_with_another_field_is_told_by_the_field(write):
    other = LAYOUTS['ntu'].to_dict() | {'centre': 20}
    with pytest.raises(InputError, match=r"layout='ntu'.*differ in `centre`: 1 and 20"):
        SkeletonDataset(write(), [], layout=other)

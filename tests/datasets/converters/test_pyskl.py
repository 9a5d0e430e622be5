"""pyskl's pickles: their data are kept, layout and fields are added, and no code runs."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.errors import InputError

NAME = 'S001C002P003R002A013'


def sample_of(name, joints=25, axes=3, **changes):
    keypoint = np.random.default_rng(0).normal(size=(2, 4, joints, axes)).astype(np.float16)
    return dict(frame_dir=name, label=1, keypoint=keypoint, total_frames=4) | changes


@pytest.fixture
def dump(tmp_path):
    def dump(data):
        (tmp_path / 'theirs.pkl').write_bytes(pickle.dumps(data, 4))
        return tmp_path / 'theirs.pkl'

    return dump


def converted(source, tmp_path, **options):
    summary = convert('pyskl', source, tmp_path / 'ours.pkl', **options)
    return load_annotations(tmp_path / 'ours.pkl'), summary


@pytest.mark.parametrize('jobs', [1, 2])
def test_coordinates_are_kept_and_names_told_apart(tmp_path, dump, jobs):
    theirs = [sample_of(NAME, label=np.int64(12)), sample_of('another')]
    split = {'xsub_train': [NAME], 'xsub_val': ['another'], 'xview_val': [NAME]}
    source = dump({'split': split, 'annotations': theirs})
    data, summary = converted(source, tmp_path, jobs=jobs)
    assert not summary.skipped
    assert (data['layout'], data['split']) == ('ntu', split)
    ours = {sample['frame_dir']: sample for sample in data['annotations']}
    for sample in theirs:
        kept = ours[sample['frame_dir']]['keypoint']
        assert kept.dtype == np.float16
        np.testing.assert_array_equal(kept, sample['keypoint'])
    assert [ours[NAME][key] for key in ('label', 'setup', 'camera', 'subject')] == [12, 1, 2, 3]
    assert 'subject' not in ours['another']
    assert 'sequences per subject (1)' in (tmp_path / 'ours.report.txt').read_text()


def test_key_points_in_an_image_are_of_coco_with_all_that_they_hold(tmp_path, dump):
    score = np.ones((2, 4, 17), np.float16)
    sample = sample_of('a', 17, 2, keypoint_score=score, img_shape=(1080, 1920))
    data, _ = converted(dump([sample]), tmp_path)
    assert (data['layout'], data['split']) == ('coco', {})
    (kept,) = data['annotations']
    np.testing.assert_array_equal(kept['keypoint_score'], score)
    assert kept['img_shape'] == (1080, 1920)


def test_what_the_file_says_of_itself_is_kept(tmp_path, dump):
    data = dict(split={}, annotations=[sample_of('a', 21)], layout='bandai2', synthetic=True)
    ours, _ = converted(dump(data), tmp_path)
    assert (ours['layout'], ours['synthetic']) == ('bandai2', True)
    ours, _ = converted(dump([sample_of('a', 20)]), tmp_path, layout='kinect_v1')
    assert ours['layout'] == 'kinect_v1'


def test_bad_samples_are_skipped_and_leave_the_splits(tmp_path, dump):
    nan = sample_of('nan')
    nan['keypoint'][1, 2, 3] = np.nan
    bad = [nan, sample_of('joints', 20), sample_of('length', total_frames=9), {'label': 3}, 7]
    split = {'train': ['good', 'nan', 'joints'], 'val': ['length', 'absent']}
    source = dump({'split': split, 'annotations': [sample_of('good'), *bad]})
    data, summary = converted(source, tmp_path)
    assert data['split'] == {'train': ['good'], 'val': []}
    assert len(summary.skipped) == 5
    reasons = '\n'.join(reason for _, reason in summary.skipped)
    for text in ('theirs.pkl[1] nan', 'NaN', '20 joints', 'is 9 but', 'lacks frame_dir', 'a dict'):
        assert text in reasons


class Canary:
    def __reduce__(self):
        return Path.touch, (Path('ran'),)


def test_pickle_that_would_run_code_is_refused(tmp_path, dump, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match='could run code'):
        converted(dump({'split': {}, 'annotations': [Canary()]}), tmp_path)
    assert not Path('ran').exists()
    assert not Path('ours.pkl').exists()


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        ({'split': {}}, 'a list `annotations`'),
        (3, 'a list `annotations`'),
        ({'split': 5, 'annotations': []}, '`split` must be'),
        ({'annotations': [], 'layout': 'martian'}, "no skeleton layout 'martian'"),
        ([], 'nothing in'),
    ],
)
def test_file_that_is_something_else_is_told(tmp_path, dump, data, message):
    with pytest.raises(InputError, match=rf'theirs\.pkl.*{message}|{message}.*theirs\.pkl'):
        converted(dump(data), tmp_path)


def test_file_that_is_no_pickle_is_told(tmp_path):
    for content in (b'\x80\x04 not a pickle', b'', b'PK\x03\x04\n'):  # P loads an object by id
        (tmp_path / 'theirs.pkl').write_bytes(content)
        with pytest.raises(InputError, match='is not a pickle that can be loaded') as caught:
            converted(tmp_path / 'theirs.pkl', tmp_path)
        assert '\n' not in str(caught.value)
    with pytest.raises(InputError, match='is a folder'):
        converted(tmp_path, tmp_path)


def test_third_number_of_key_points_is_their_confidence(tmp_path, dump):
    rng = np.random.default_rng(0)
    points, scores = rng.uniform(20, 900, (1, 4, 17, 2)), rng.uniform(0.1, 1, (1, 4, 17, 1))
    scores[0, 0, 0] = 0
    keypoint = np.concatenate([points, scores], axis=-1)
    source = dump([sample_of('a', keypoint=keypoint), sample_of('b', keypoint=keypoint * 1.0)])
    for options, shape in (
        ({}, (1, 4, 17, 2)),
        ({'dimensions': 3, 'layout': 'coco'}, (1, 4, 17, 3)),
    ):
        data, _ = converted(source, tmp_path, **options)
        assert data['layout'] == 'coco'
        sample = data['annotations'][0]
        assert sample['keypoint'].shape == shape
    data, _ = converted(source, tmp_path)
    sample = data['annotations'][0]
    assert not sample['keypoint'][0, 0, 0].any()
    np.testing.assert_array_equal(sample['keypoint'][0, 1:], points[0, 1:])
    np.testing.assert_array_equal(sample['keypoint_score'], scores[..., 0])
    _, summary = converted(dump([sample_of('a', axes=3), sample_of('b')]), tmp_path)
    assert not summary.skipped  # coordinates in space are kept

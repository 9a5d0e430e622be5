"""The REST interface gives the same as the inferencers; each error is one sentence."""

import hashlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.inference import SkeletonEncoderInferencer
from mmcmd.skeletons import LAYOUTS


@pytest.fixture(scope='module')
def features(catalogue_loader, tiny_pickle):
    return SkeletonEncoderInferencer(catalogue_loader.checkpoint, show_progress=False)(tiny_pickle)


def test_status_says_what_is_served(client):
    status = client.get('/api/status').json()
    assert (status['state'], status['count'], status['class_count']) == ('ready', 24, 4)
    assert status['streams'] == ['joint', 'motion', 'bone', 'fused']
    assert status['gallery'] == 'tiny.pkl', 'no folder of this machine'
    assert len(status['layout']['joints']) == len(status['layout']['parents']) == 25


@pytest.mark.parametrize('stream', ['joint', 'motion', 'bone', 'fused'])
def test_neighbours_are_the_nearest_by_cosine_and_leave_the_query_out(client, features, stream):
    rows = features.fused if stream == 'fused' else features[stream]
    unit = F.normalize(torch.from_numpy(rows), dim=1)
    distance = 1 - unit @ unit[3]
    distance[3] = torch.inf
    expected = distance.argsort()[:5].tolist()
    answer = client.get('/api/motions/g3/answer', params={'stream': stream, 'k': 5}).json()
    assert [x['id'] for x in answer['neighbours']] == [f'g{row}' for row in expected]
    found = [x['distance'] for x in answer['neighbours']]
    np.testing.assert_allclose(found, distance[expected], atol=1e-5)


def test_votes_are_shares_of_the_neighbours(client):
    answer = client.get('/api/motions/g0/answer', params={'k': 4}).json()
    assert answer['source'] == 'votes'
    labels = [x['label'] for x in answer['neighbours']]
    for found in answer['classes']:
        assert found['probability'] == labels.count(found['label']) / 4
    assert answer['predicted'] == answer['classes'][0]['label']


def test_wrong_answers_are_those_whose_nearest_neighbour_has_another_class(client, features):
    unit = F.normalize(torch.from_numpy(features['bone']), dim=1)
    similarity = unit @ unit.T
    similarity.fill_diagonal_(-torch.inf)
    nearest = features.labels[similarity.argmax(dim=1).numpy()]
    expected = {f'g{row}' for row in np.flatnonzero(nearest != features.labels)}
    assert expected
    assert len(expected) < 24
    found = client.get('/api/motions', params={'wrong': True, 'stream': 'bone'}).json()
    assert {x['id'] for x in found['motions']} == expected
    points = client.get('/api/map', params={'stream': 'bone'}).json()['points']
    assert {x['id'] for x in points if x['wrong']} == expected


def test_list_is_searched_by_name_and_class_and_cut_into_pages(client):
    found = client.get('/api/motions', params={'text': 'PLE1', 'offset': 8, 'limit': 5}).json()
    assert found['total'] == 10
    assert [x['name'] for x in found['motions']] == ['sample18', 'sample19']
    found = client.get('/api/motions', params={'text': 'class 2'}).json()
    assert {x['label'] for x in found['motions']} == {2}
    assert found['total'] == 6


def test_frames_are_the_motion_of_the_file(client, tiny_pickle):
    sample = load_annotations(tiny_pickle)['annotations'][7]
    answer = client.get('/api/motions/g7/frames')
    shape = tuple(map(int, answer.headers['x-shape'].split(',')))
    assert shape == sample['keypoint'].shape
    points = np.frombuffer(answer.content, '<f4').reshape(shape)
    part = client.get('/api/motions/g7/frames', params={'start': 2, 'stop': 6})
    assert part.headers['x-shape'] == '2,4,25,3'
    bones = np.linalg.norm(points[..., 1:, :] - points[..., :-1, :], axis=-1)
    keypoint = sample['keypoint']
    expected = np.linalg.norm(keypoint[..., 1:, :] - keypoint[..., :-1, :], axis=-1)
    np.testing.assert_allclose(bones, expected, rtol=1e-3, atol=1e-3)


def test_an_uploaded_copy_finds_its_twin_first(client, npy, tiny_pickle):
    sample = load_annotations(tiny_pickle)['annotations'][5]
    files = {'file': ('copy.npy', npy(sample['keypoint']))}
    answer = client.post('/api/motions', files=files)
    assert answer.status_code == 201, answer.text
    (motion,) = answer.json()['motions']
    assert (motion['name'], motion['label']) == ('copy', -1)
    found = client.get(f'/api/motions/{motion["id"]}/answer').json()
    assert found['neighbours'][0]['id'] == 'g5'
    assert found['neighbours'][0]['distance'] == pytest.approx(0, abs=1e-5)


def test_other_joints_are_told_or_mapped(client, npy, body):
    files = {'file': ('copy.npy', npy(body('kinect_v1')))}
    answer = client.post('/api/motions', files=files)
    assert answer.status_code == 422
    assert 'copy has 20 joints' in answer.json()['detail']
    answer = client.post('/api/motions', files=files, data={'layout': 'azure_kinect'})
    assert "its layout has the 32 joints of 'azure_kinect'" in answer.json()['detail']
    files = {'file': ('copy.npy', npy(body('azure_kinect')))}
    answer = client.post('/api/motions', files=files, data={'layout': 'azure_kinect'})
    assert answer.status_code == 201, answer.text
    (motion,) = answer.json()['motions']
    frames = client.get(f'/api/motions/{motion["id"]}/frames')
    assert frames.headers['x-shape'] == '1,4,32,3'
    found = client.get(f'/api/motions/{motion["id"]}/answer').json()
    assert found['layout']['parents'] == list(LAYOUTS['azure_kinect'].parents)
    assert len(found['neighbours']) == 8


def test_a_long_recording_has_a_time_line_that_finds_its_parts(client, npy, tiny_pickle):
    rows = 8, 1, 13
    samples = [load_annotations(tiny_pickle)['annotations'][row] for row in rows]
    parts = np.concatenate([x['keypoint'] for x in samples] * 2, axis=1)
    files = {'file': ('long.npy', npy(parts))}
    (motion,) = client.post('/api/motions', files=files).json()['motions']
    assert motion['long']
    found = client.get(f'/api/motions/{motion["id"]}/timeline').json()
    assert found['frames'] == parts.shape[1]
    assert found['windows'][0]['start'] == 0
    assert found['windows'][-1]['stop'] == parts.shape[1]
    window = found['windows'][2]
    values = {'start': window['start'], 'stop': window['stop'], 'k': 1}
    answer = client.get(f'/api/motions/{motion["id"]}/answer', params=values).json()
    assert answer['neighbours'][0]['id'] == window['id'], 'one window, asked for in both ways'
    assert answer['neighbours'][0]['distance'] == pytest.approx(1 - window['similarity'], abs=1e-5)


def test_a_gesture_has_the_most_similar_places_of_a_long_recording(client, catalogue_loader, npy):
    motions = catalogue_loader.catalogue.motions
    parts = [motions.get(f'g{row}').recording.keypoint for row in (8, 1, 13, 8, 6)]
    files = {'file': ('long.npy', npy(np.concatenate(parts, axis=1)))}
    (long,) = client.post('/api/motions', files=files).json()['motions']
    values = {'gesture': 'g8', 'stream': 'joint'}
    windows = client.get(f'/api/motions/{long["id"]}/timeline', params=values).json()['windows']
    assert {x['id'] for x in windows} == {'g8'}
    assert {x['stop'] - x['start'] for x in windows} == {parts[0].shape[1]}, (
        'as long as the gesture'
    )

    encoder, whole = catalogue_loader.catalogue.encoder, motions.get(long['id']).recording
    (gesture,) = encoder([parts[0]]).streams['joint']
    found = encoder([whole.cut(x['start'], x['stop']) for x in windows]).streams['joint']
    cosine = found @ gesture / np.linalg.norm(found, axis=1) / np.linalg.norm(gesture)
    np.testing.assert_allclose([x['similarity'] for x in windows], cosine, atol=1e-5)

    best = []
    for row in np.argsort(-cosine):
        frames = {x: set(range(windows[x]['start'], windows[x]['stop'])) for x in [row, *best]}
        if all(len(frames[row] & frames[x]) <= 0.3 * len(frames[row] | frames[x]) for x in best):
            best.append(row)
    ranks = {row: rank for rank, row in enumerate(best[:5], 1)}
    assert len(ranks) > 2
    assert [x['rank'] for x in windows] == [ranks.get(row) for row in range(len(windows))]


def test_a_gesture_of_one_frame_makes_about_400_windows(client, catalogue_loader, npy):
    motions = catalogue_loader.catalogue.motions
    keypoint = motions.get('g8').recording.keypoint
    files = {'file': ('frame.npy', npy(keypoint[:, :1]))}
    (gesture,) = client.post('/api/motions', files=files).json()['motions']
    files = {'file': ('long.npy', npy(np.tile(keypoint, (1, 40, 1, 1))))}
    (long,) = client.post('/api/motions', files=files).json()['motions']
    values = {'gesture': gesture['id'], 'stream': 'joint'}
    windows = client.get(f'/api/motions/{long["id"]}/timeline', params=values).json()['windows']
    assert 40 * keypoint.shape[1] > 800, 'windows of one frame would be many more'
    assert 300 < len(windows) < 600


def test_a_gesture_that_was_dropped_is_not_found(client):
    answer = client.get('/api/motions/g0/timeline', params={'gesture': 'u999'})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ('path', 'status', 'part'),
    [
        ('/api/motions/g24', 404, 'there is no such motion'),
        ('/api/motions/u999/answer', 404, 'there is no such motion'),
        ('/api/motions/..%2Fetc/answer', 404, ''),
        ('/api/motions/g0/answer?stream=smell', 422, "no stream 'smell'"),
        ('/api/motions/g0/answer?start=5&stop=5', 422, 'frames 5 to 5 are not in sample00'),
        ('/api/motions/g0/frames?start=500', 422, 'the motion has'),
        ('/api/motions/g0/answer?k=0', 422, ''),
        ('/js/..%2f..%2fapp.py', 404, ''),
    ],
)
def test_wrong_requests_are_refused(client, path, status, part):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert part in str(answer.json()['detail'])


def test_openapi_describes_every_path_without_another_host(client):
    paths = client.get('/openapi.json').json()['paths']
    assert {'/api/status', '/api/motions', '/api/map'} < set(paths)
    for methods in paths.values():
        assert all(x['description'] for x in methods.values())
    assert client.get('/docs').status_code == 404


def test_the_page_asks_no_other_host(client):
    from mmcmd.serving.app import STATIC

    answer = client.get('/')
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers['content-security-policy']
    ours = [x for x in STATIC.rglob('*') if x.is_file() and x.parent.name != 'vendor']
    for path in ours:
        text = path.read_text().replace('http://www.w3.org/2000/svg', '')
        assert '://' not in text, path


def test_vendored_files_are_those_that_their_table_names():
    from mmcmd.serving.app import STATIC

    folder = STATIC / 'vendor'
    rows = [line.split(' | ') for line in (folder / 'README.md').read_text().splitlines()]
    sums = {row[0].strip('| '): row[1].strip('| ') for row in rows if '.js' in row[0]}
    assert sums.keys() == {path.name for path in folder.glob('*.js')}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest

"""The gallery is encoded once for a checkpoint; files that do not fit are refused."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip('fastapi')

from mmcmd.datasets.annotations.reading import load_annotations, save_annotations
from mmcmd.inference import SkeletonEncoderInferencer
from mmcmd.retrieval import MotionIndex
from mmcmd.serving import loading
from mmcmd.serving.loading import Loader
from mmcmd.serving.server import leave_cores


def load(*arguments, **options):
    loader = Loader(*arguments, **options)
    loader.start().join()
    return loader


def test_a_request_while_the_model_loads_is_told_so(make_client, pretrained, tiny_pickle):
    client = make_client(Loader(pretrained / 'epoch_2.pth', tiny_pickle))
    answer = client.get('/api/motions')
    assert (answer.status_code, answer.headers['retry-after']) == (503, '1')
    assert answer.json()['detail'] == 'the model is being loaded'
    assert client.get('/api/status').json()['state'] == 'loading'
    assert client.get('/').status_code == 200


def test_the_second_start_encodes_nothing(catalogue_loader, tiny_pickle, monkeypatch):
    monkeypatch.setattr(Loader, '_encode', None)
    again = load(catalogue_loader.checkpoint, tiny_pickle, catalogue_loader.cache)
    assert again.state == 'ready', again.message
    for stream, vectors in catalogue_loader.catalogue.index.vectors.items():
        np.testing.assert_array_equal(again.catalogue.index.vectors[stream], vectors)


def test_another_pickle_of_that_name_is_encoded_again(catalogue_loader, tiny_pickle, tmp_path):
    copy = Path(shutil.copy(tiny_pickle, tmp_path / 'tiny.pkl'))  # has another mtime
    shutil.copytree(catalogue_loader.cache, tmp_path / 'cache')
    steps = []
    original = loading.Loader._encode
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, '_encode', lambda *x: steps.append(1) or original(*x))
        again = load(catalogue_loader.checkpoint, copy, tmp_path / 'cache')
    assert (again.state, steps) == ('ready', [1])


def test_a_server_that_is_ready_answers_with_half_of_the_threads(catalogue_loader, tiny_pickle):
    loader = Loader(catalogue_loader.checkpoint, tiny_pickle, catalogue_loader.cache)
    threads, found = torch.get_num_threads(), []
    try:
        for given in (4, 1):
            torch.set_num_threads(given)
            loader.start(on_success=leave_cores).join()
            with ThreadPoolExecutor(1) as requests:  # the count holds for threads that are new
                found.append(requests.submit(torch.get_num_threads).result())
    finally:
        torch.set_num_threads(threads)
    assert (loader.state, found) == ('ready', [2, 1])


def test_an_index_of_another_checkpoint_is_refused(pretrained, tiny_pickle, tmp_path):
    encoder = SkeletonEncoderInferencer(pretrained / 'epoch_1.pth', show_progress=False)
    found = encoder(tiny_pickle)
    MotionIndex(found.streams, found.names, found.labels, hashes=encoder.hashes).save(
        tmp_path / 'index'
    )
    called = []
    loader = Loader(pretrained / 'epoch_2.pth', tiny_pickle, tmp_path, index=tmp_path / 'index')
    loader.start(lambda: called.append('failed'), lambda: called.append('ready')).join()
    assert (loader.state, called) == ('failed', ['failed'])
    assert 'was made by another checkpoint' in loader.message
    same = load(pretrained / 'epoch_1.pth', tiny_pickle, tmp_path, index=tmp_path / 'index')
    assert same.state == 'ready', same.message


def test_a_classifier_gives_the_probabilities(
    root, tiny_linear_options, pretrained, tiny_pickle, tmp_path, make_runner
):
    from mmcmd.inference import ActionInferencer

    runner = make_runner(
        'benchmarks/linear.py',
        tmp_path,
        tiny_linear_options | {'train_cfg.max_epochs': 1},
        pretrained=str(pretrained / 'epoch_2.pth'),
    )
    runner.train()
    checkpoint = tmp_path / 'epoch_1.pth'
    loader = load(checkpoint, tiny_pickle, tmp_path / 'cache')
    assert loader.state == 'ready', loader.message
    recording = loader.catalogue.motions.get('g2').recording
    (expected,) = ActionInferencer(checkpoint, show_progress=False)([recording])
    for stream, values in (('fused', expected.probabilities), ('bone', expected.streams['bone'])):
        answer = loader.catalogue.answers.answer('g2', stream, 3)
        assert answer['source'] == 'classifier'
        found = {x['label']: x['probability'] for x in answer['classes']}
        for label, probability in found.items():
            assert probability == pytest.approx(float(values[label]), abs=1e-6)
    assert torch.is_grad_enabled()


def test_a_gallery_of_another_sensor_can_use_the_nearest_joints(pretrained, tiny_pickle, tmp_path):
    data = load_annotations(tiny_pickle)
    data['layout'] = 'kinect_v1'
    for sample in data['annotations']:
        sample['keypoint'] = sample['keypoint'][:, :, :20]
    save_annotations(data, tmp_path / 'kinect.pkl')
    arguments = pretrained / 'epoch_2.pth', tmp_path / 'kinect.pkl'
    refused = load(*arguments)
    assert refused.state == 'failed'
    assert 'thumb_left' in refused.message
    mapped = load(*arguments, map_joints='nearest')
    assert mapped.state == 'ready', mapped.message
    assert len(mapped.catalogue.index) == len(data['annotations'])

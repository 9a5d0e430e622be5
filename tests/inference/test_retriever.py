"""The neighbours of recordings are equal to those of a KNN evaluation."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmcmd.errors import InputError
from mmcmd.evaluation import knn_predict_streams
from mmcmd.inference import MotionRetriever, SkeletonEncoderInferencer, build_index
from mmcmd.retrieval import MotionIndex


@pytest.fixture(scope='module')
def encoder(encoder_file):
    return SkeletonEncoderInferencer(encoder_file, 'cpu', show_progress=False)


@pytest.fixture(scope='module')
def retriever(encoder, tiny_pickle):
    return MotionRetriever(encoder, tiny_pickle, split='xsub_train')


@pytest.mark.parametrize('stream', ['joint', 'bone', '3s'])
def test_nearest_neighbours_have_the_classes_that_the_evaluation_predicts(
    encoder, retriever, tiny_pickle, stream
):
    gallery = encoder(tiny_pickle, split='xsub_train')
    queries = encoder(tiny_pickle, split='xsub_val')
    unit = [
        {name: F.normalize(torch.from_numpy(x), dim=1) for name, x in features.streams.items()}
        for features in (queries, gallery)
    ]
    expected = knn_predict_streams(*unit, torch.from_numpy(gallery.labels))[stream]
    found = retriever(tiny_pickle, k=1, stream=stream, split='xsub_val')
    assert [x[0].label for x in found] == expected.tolist()
    assert all(x[0].class_name == f'class {x[0].label}' for x in found)


def test_features_may_be_given_in_place_of_recordings(encoder, retriever, tiny_pickle):
    features = encoder(tiny_pickle, split='xsub_val')
    assert retriever(features, k=3) == retriever(tiny_pickle, k=3, split='xsub_val')


def test_several_examples_are_one_query(retriever, joints):
    single = retriever([joints, joints * 1.5], k=3)
    (together,) = retriever([joints, joints * 1.5], k=15, together=True)
    assert len(single) == 2
    similarities = {x.name: x.similarity for x in together}
    vectors = {
        name: (x[0] + x[1]) / np.linalg.norm(x[0] + x[1])
        for name, x in (
            (name, rows / np.linalg.norm(rows, axis=1, keepdims=True))
            for name, rows in retriever.encoder([joints, joints * 1.5]).streams.items()
        )
    }
    for row, name in enumerate(retriever.index.names):
        wanted = np.mean([x[row] @ vectors[key] for key, x in retriever.index.vectors.items()])
        assert similarities[name] == pytest.approx(wanted, abs=1e-6)


def test_entries_of_the_gallery_are_examples_themselves(retriever):
    found = retriever.like('sample03', k=4)
    assert 'sample03' not in [x.name for x in found]
    assert retriever.like('sample03', k=1, keep_examples=True)[0].name == 'sample03'
    two = retriever.like('sample03', 'sample07', k=13)
    assert {x.name for x in two} == {f'sample{x:02d}' for x in range(15)} - {'sample03', 'sample07'}
    with pytest.raises(InputError, match='at least one entry'):
        retriever.like()


def test_class_gives_the_entries_near_its_mean(retriever):
    found = retriever.like_class(2, k=15, stream='joint')
    vectors = retriever.index.vectors['joint']
    mean = vectors[retriever.index.labels == 2].mean(axis=0)
    assert [x.row for x in found] == np.argsort(-vectors @ mean, kind='stable').tolist()


def test_index_in_a_folder_is_a_gallery(encoder, retriever, encoder_file, joints, tmp_path):
    retriever.index.save(tmp_path / 'index')
    again = MotionRetriever(encoder_file, tmp_path / 'index', device='cpu')
    assert again(joints) == retriever(joints)
    one = MotionRetriever(
        encoder_file,
        MotionIndex(
            {'joint': retriever.index.vectors['joint']},
            retriever.index.names,
            hashes=encoder.hashes,
        ),
        device='cpu',
    )
    assert [x.row for x in one(joints)[0]] == [x.row for x in retriever(joints, stream='joint')[0]]


def test_gallery_of_another_checkpoint_is_refused(
    retriever, make_config, save_checkpoint, tiny_bigru, tmp_path
):
    other = save_checkpoint(make_config(**tiny_bigru), seed=9)
    retriever.index.save(tmp_path / 'index')
    for gallery in (tmp_path / 'index', retriever.index):
        with pytest.raises(InputError, match='made by another checkpoint'):
            MotionRetriever(other, gallery, device='cpu')


def test_index_of_several_sources_keeps_classes_and_facts(encoder, tiny_pickle, joints):
    index = build_index(encoder, [tiny_pickle, joints])
    assert (len(index), index.names[-1]) == (25, 'array 1')
    assert index.facts == {'method': 'FeatureExtractor', 'layout': 'ntu'}
    assert index.hashes == encoder.hashes
    with pytest.raises(InputError, match='no recording'):
        build_index(encoder, [])

"""The classes of arrays and files are equal to those in an evaluation."""

import numpy as np
import pytest
import torch

from mmcmd.apis import build_loader, init_model, predict_scores
from mmcmd.errors import InputError
from mmcmd.inference import ActionInferencer

NAMES = ['wave', 'sit', 'walk', 'clap']


@pytest.fixture(scope='module')
def config(make_config, tiny_bigru):
    options = tiny_bigru | {'model.head.num_classes': 4, 'model.pretrained': 'random'}
    return make_config(evaluation='linear', **options)


def test_probabilities_are_those_of_the_loader(config, classifier_file, tiny_pickle):
    model = init_model(config, classifier_file)
    wanted, labels = predict_scores(model, build_loader(config))
    with torch.no_grad():
        samples = [x for batch in build_loader(config) for x in model.test_step(batch)]
    found = ActionInferencer(classifier_file, 'cpu')(tiny_pickle, split='xsub_val')
    assert [x.true_label for x in found] == labels.tolist()
    for row, prediction in enumerate(found):
        fused = samples[row].pred_scores.get('3s').numpy()
        np.testing.assert_allclose(prediction.probabilities, fused, atol=1e-6)
        assert prediction.label == fused.argmax()
        assert prediction.probability == pytest.approx(fused.max(), abs=1e-6)
        for stream, rows in wanted.items():
            np.testing.assert_allclose(prediction.streams[stream], rows[row], atol=1e-6)
    assert len({x.label for x in found}) > 1


def test_head_with_norm_is_read_off_the_weights(make_config, save_checkpoint, tiny_bigru, joints):
    options = {'model.head.num_classes': 3, 'model.head.with_norm': True}
    cfg = make_config(evaluation='linear', **tiny_bigru, **options)
    (found,) = ActionInferencer(save_checkpoint(cfg), 'cpu')(joints)
    assert found.probabilities.shape == (3,)
    assert found.probabilities.sum() == pytest.approx(1)


def test_classes_have_names(classifier_file, joints):
    plain = ActionInferencer(classifier_file, 'cpu')(joints)[0]
    named = ActionInferencer(classifier_file, 'cpu', classes=NAMES)(joints)[0]
    assert plain.class_name == f'class {plain.label}'
    assert named.class_name == NAMES[plain.label]
    with pytest.raises(InputError, match='4 classes, but 2 names'):
        ActionInferencer(classifier_file, 'cpu', classes=NAMES[:2])


def test_encoder_without_classifier_is_told(encoder_file):
    with pytest.raises(InputError, match='FeatureExtractor and no classifier; train one with'):
        ActionInferencer(encoder_file, 'cpu')

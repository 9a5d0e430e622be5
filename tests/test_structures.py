import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from mmcmd.errors import InputError
from mmcmd.structures import (
    get_labels,
    get_valid_frames,
    sample_features,
    sample_streams,
    set_features,
    set_scores,
)


def test_labels_come_back_as_a_batch():
    samples = [ActionDataSample().set_gt_labels(label) for label in (3, 0, 2)]
    assert get_labels(samples, torch.device('cpu')).tolist() == [3, 0, 2]


def test_features_and_label_survive_the_way_to_an_evaluator():
    samples = [ActionDataSample().set_gt_labels(label) for label in (3, 0)]
    feats = {'joint': torch.randn(2, 4), 'bone': torch.randn(2, 5)}
    set_features(samples, feats)
    for index, sample in enumerate(samples):
        found, label = sample_features(sample.to_dict())
        assert list(found) == ['joint', 'bone']
        assert all(torch.equal(found[name], feats[name][index]) for name in feats)
        assert label == (3, 0)[index]


def test_streams_keep_their_order():
    samples = [ActionDataSample()]
    set_scores(samples, {name: torch.ones(1, 2) for name in ('motion', 'joint', '2s')})
    assert sample_streams(samples[0].to_dict()) == ('motion', 'joint', '2s')
    assert samples[0].to_dict()['pred_scores']['2s'].tolist() == [1, 1]


FORMS = {
    'number': lambda n: n,
    'views': lambda n: np.array([4, n]),
    'groups': lambda n: {'long': np.array([9]), 'short': np.array([n])},
}


@pytest.mark.parametrize('form', FORMS)
def test_view_without_valid_frames_is_told(form):
    def samples(*numbers):
        return [
            ActionDataSample(metainfo={'valid_frames': FORMS[form](n), 'frame_dir': f's{n}'})
            for n in numbers
        ]

    found = get_valid_frames(samples(3, 1), torch.device('cpu'))
    assert (found['short'] if form == 'groups' else found[:, -1:]).tolist() == [[3], [1]]
    with pytest.raises(InputError, match='s0 has no valid frame; leave it out'):
        get_valid_frames(samples(3, 0), torch.device('cpu'))

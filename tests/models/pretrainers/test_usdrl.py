"""USDRL: the losses of each part of the feature, and the views that they use."""

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models.decorrelation import decorrelation_terms
from mmcmd.registry import MODELS

BACKBONE = {'type': 'SpatioTemporalTransformer', 'clip_len': 8, 'hidden_size': 6}
BACKBONE |= {'drop_path_rate': 0.0}


@pytest.fixture
def make():
    """Return a function: options -> a tiny USDRL with the same weights each time."""

    def build(**options):
        torch.manual_seed(0)
        config = {'type': 'USDRL', 'modalities': ['joint'], 'backbone': BACKBONE}
        return MODELS.build({**config, **options})

    return build


@pytest.fixture
def inputs():
    return torch.randn(5, 4, 2, 8, 25, 3, generator=torch.Generator().manual_seed(0))


def test_loss_is_the_weighted_sum_over_granularities(make, inputs):
    model = make(weights=(2.0, 3.0, 0.5), half_weight=0.25)
    encoder, necks = model.encoders['joint'], model.necks['joint']
    features = [encoder(view) for view in inputs.unbind(1)]
    expected = 0
    for part, weight in (('instance', 1.0), ('temporal', 0.25), ('spatial', 0.25)):
        chosen = {'instance': slice(0, 12), 'temporal': slice(0, 6), 'spatial': slice(6, 12)}[part]
        terms = decorrelation_terms([necks[part](x[:, chosen]) for x in features])
        expected = expected + weight * (2 * terms[0] + 3 * terms[1] + 0.5 * terms[2])
    found = model(inputs, mode='loss')
    assert found['loss_joint'].item() == pytest.approx(expected.item(), rel=1e-4)
    assert {'invariance_joint', 'variance_joint', 'correlation_joint', 'std_joint'} < set(found)


def test_encoder_of_one_stream_has_the_whole_feature_alone(make, inputs):
    backbone = {'type': 'BiGRU', 'mode': 'bidirectional', 'hidden_size': 4, 'num_layers': 1}
    model = make(backbone=backbone)
    assert list(model.necks['joint']) == ['instance']
    assert torch.isfinite(model(inputs, mode='loss')['loss_joint'])


def test_two_views_are_refused(make, inputs):
    with pytest.raises(InputError, match=r'USDRL takes 4 views \(a, b, c, d\)'):
        make()(inputs[:, :2], mode='loss')

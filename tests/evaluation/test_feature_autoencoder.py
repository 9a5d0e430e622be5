"""The autoencoder of P&C, and nearest neighbours of its codes."""

import pytest
import torch
import torch.nn.functional as F

from mmcmd.errors import InputError
from mmcmd.evaluation import FeatureAutoEncoder, KNNMetric

NAMES = 'joint', 'bone'


def test_layers_are_mirrored_and_the_last_is_linear():
    autoencoder = FeatureAutoEncoder(9, (7, 5, 3))
    shapes = [tuple(x.weight.shape) for x in autoencoder.modules() if hasattr(x, 'weight')]
    assert shapes == [(7, 9), (5, 7), (3, 5), (5, 3), (7, 5), (9, 7)]
    x = 10 * torch.randn(20, 9)
    assert autoencoder(x).abs().max() <= 1
    big = autoencoder.decoder[-1].weight.data.fill_(9.0)
    assert autoencoder.decoder(autoencoder(x)).abs().max() > 1
    assert big.shape == (9, 7)


def test_it_learns_and_its_learning_rate_decays(monkeypatch):
    torch.manual_seed(0)
    features = torch.randn(40, 9)
    autoencoder, rates = FeatureAutoEncoder(9, (8, 4)), []
    step = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam,
        'step',
        lambda self, *args: rates.append(self.param_groups[0]['lr']) or step(self, *args),
    )
    losses = autoencoder.fit(features, lr=0.01, batch_size=16, epochs=40)
    assert len(losses) == len(rates) == 40 * 3
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    assert [rates[0], rates[50], rates[100]] == pytest.approx([0.01, 0.0095, 0.009025])


def samples(feats, labels):
    """Return samples like those that a model returns."""
    return [
        {
            'feats': {name: x[index] for name, x in feats.items()},
            'gt_labels': {'item': torch.tensor([label])},
        }
        for index, label in enumerate(labels)
    ]


def test_metric_compares_codes_and_repeats_itself():
    generator = torch.Generator().manual_seed(0)
    centres = {name: torch.randn(3, 12, generator=generator) for name in NAMES}
    labels = [i % 3 for i in range(30)]
    feats = {
        name: x[torch.tensor(labels)] + 0.1 * torch.randn(30, 12, generator=generator)
        for name, x in centres.items()
    }
    found = []
    for _ in range(2):
        metric = KNNMetric(k=3, autoencoder={'widths': (8, 4), 'epochs': 5, 'batch_size': 8})
        metric.process({}, samples(feats, labels))
        metric.keep_as_gallery(30)
        seen = {name: x.clone() for name, x in metric.gallery[0].items()}
        metric.process({}, samples(feats, labels))
        found.append(metric.compute_metrics(metric.results))
    assert found[0] == found[1]
    assert set(found[0]) == {'top1', 'bone_top1', '2s_top1'}
    assert found[0]['top1'] > 0.9
    # The autoencoder gets the features without L2 normalisation.
    torch.testing.assert_close(seen['joint'], feats['joint'])
    assert not torch.allclose(seen['joint'], F.normalize(seen['joint'], dim=1))


def test_autoencoder_without_layers_is_told():
    with pytest.raises(InputError, match=r'autoencoder\.widths of KNNMetric needs at least one'):
        FeatureAutoEncoder(4, ())

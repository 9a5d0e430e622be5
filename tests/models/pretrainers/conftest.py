import math

import pytest
import torch


@pytest.fixture
def views():
    """Return a function: number of views -> inputs (4, views, 2, 8, 25, 3)."""

    def make(number):
        generator = torch.Generator().manual_seed(1)
        return torch.randn(4, number, 2, 8, 25, 3, generator=generator)

    return make


@pytest.fixture
def make_method(tiny_stgcn, mmcmd_scope):
    """Return a function: type and options -> a tiny float64 model with other weights for keys."""
    from mmcmd.registry import MODELS

    kinds = {
        'BiGRU': {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1},
        'STGCN': tiny_stgcn,
    }

    def make(kind, backbone='BiGRU', seed=0, **options):
        torch.manual_seed(seed)
        config = {
            'type': kind,
            'backbone': kinds[backbone] if isinstance(backbone, str) else backbone,
            'neck': {'type': 'ProjectionNeck', 'out_channels': 6},
            'queue': {'type': 'KeyQueue', 'size': 12},
            'momentum': 0.1,
        }
        for name in [x for x in config if options.get(x, ...) is None]:  # removed by a test
            del config[name], options[name]
        model = MODELS.build(config | options).double()
        with torch.no_grad():
            for part in (model.encoders, getattr(model, 'necks', model.encoders)):
                for parameter in part.parameters():
                    parameter.add_(0.1 * torch.randn_like(parameter))
        return model

    return make


def unit(x):
    return x / x.norm(dim=1, keepdim=True)


def softmax(values):
    weights = [math.exp(x) for x in values]
    return [x / sum(weights) for x in weights]


@pytest.fixture
def plain():
    """Return plain functions for several tests: unit vectors, softmax of a list."""
    return unit, softmax

"""Four optimisation steps of the whole method against the authors' released code."""

import numpy as np
import pytest
import torch

from mmcmd.io.convert_checkpoint import rename_authors_state


@pytest.fixture(scope='module')
def golden(shared):
    return np.load(shared / 'golden' / 'cmd_train.npz')


@pytest.fixture(scope='module')
def trained(shared, golden):
    """Return the model after the four steps, and the losses (4, 5) on the way."""
    from mmcmd.registry import MODELS

    model = MODELS.build(
        {
            'type': 'CMD',
            'modalities': ('joint', 'motion', 'bone'),
            'backbone': {'type': 'BiGRU', 'hidden_size': 32},
            'neck': {'type': 'ProjectionNeck', 'in_channels': 64, 'out_channels': 16},
            'queue': {'type': 'KeyQueue', 'size': 128},
            'distill_head': {'type': 'CMDHead', 'topk': 32},
            'momentum': 0.01,
        }
    )
    file = shared / 'golden' / 'official_init.pth.tar'
    authors = torch.load(file, map_location='cpu', weights_only=True)['state_dict']
    model.load_state_dict(rename_authors_state(authors), strict=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    losses, norms = [], []
    model.train()
    for views in golden['steps']:
        # (view, N, C, T, V, M) to (N, view, M, T, V, C)
        found = model(torch.from_numpy(views.transpose(1, 0, 5, 3, 4, 2)).contiguous(), mode='loss')
        parts = [found[f'loss_{name}'] for name in ('joint', 'motion', 'bone', 'cmd')]
        optimizer.zero_grad()
        sum(parts).backward()
        norms.append(
            [
                torch.cat(
                    [
                        p.grad.flatten()
                        for part in (model.encoders, model.necks)
                        for p in part[name].parameters()
                    ]
                )
                .norm()
                .item()
                for name in model.streams
            ]
        )
        optimizer.step()
        losses.append([x.item() for x in parts] + [sum(parts).item()])
    return model, np.array(losses), np.array(norms)


def test_losses_are_the_released_code_s(golden, trained):
    np.testing.assert_allclose(trained[1], golden['losses'][:, :5], rtol=1e-4)


def test_gradient_norms_are_the_released_code_s(golden, trained):
    np.testing.assert_allclose(trained[2], golden['losses'][:, 5:], rtol=1e-3)


def test_every_tensor_ends_as_in_the_released_code(golden, trained):
    final = {
        name.removeprefix('final/'): torch.from_numpy(golden[name])
        for name in golden
        if name.startswith('final/')
    }
    expected, found = rename_authors_state(final), trained[0].state_dict()
    assert set(expected) == set(found)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-4, msg=name)


def test_features_are_the_released_code_s(golden, trained):
    model = trained[0].eval()
    joints = torch.from_numpy(golden['steps'][0, 0].transpose(0, 4, 2, 3, 1)).contiguous()
    for name in ('joint', 'motion', 'bone'):
        with torch.no_grad():
            found = model.extract_feat(joints, name)
        np.testing.assert_allclose(found, golden[f'feat/{name}'], rtol=0, atol=1e-4)

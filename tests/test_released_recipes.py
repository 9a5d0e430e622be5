"""The recipes of PCM3, AS-CAL, MS2L, P&C and LongT GAN equal those of programs or papers."""

from pathlib import Path

import pytest
import torch

from mmcmd.apis import load_config
from mmcmd.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS

CONFIGS = Path(__file__).parents[1] / 'configs'
SGD = {'type': 'SGD', 'momentum': 0.9, 'weight_decay': 1e-4}
ADAM = {'type': 'Adam', 'lr': 1e-3}
# Frames, batch size, drop_last, epochs, first drop of the rate, optimiser, largest norm.
RECIPES = {
    'pcm3/pcm3_bigru': (64, 128, True, 451, [351], {**SGD, 'lr': 0.02}, None),
    'ascal/ascal_lstm_ascal': (150, 32, False, 60, [30], {**SGD, 'lr': 0.01}, None),
    'ms2l/ms2l_bigru_ms2l': (300, 256, True, 60, 30, ADAM, 10),
    'pc/pc_bigru_pc': (50, 64, True, 500, None, ADAM, 25),
    'longtgan/longtgan_bigru_longtgan': (
        50,
        64,
        True,
        50,
        None,
        {**ADAM, 'lr': 5e-4},
        None,
    ),
}


@pytest.mark.parametrize('name', RECIPES)
@pytest.mark.parametrize('split', ['xsub', 'xview'])
def test_schedule_is_the_released_one(name, split):
    cfg = load_config(CONFIGS / f'{name}_ntu60_{split}.py')
    frames, batch, drop_last, epochs, drop, optimizer, norm = RECIPES[name]
    loader, wrapper = cfg.train_dataloader, cfg.optim_wrapper
    assert (cfg.clip_len, loader.dataset.clip_len) == (frames, frames)
    assert (loader.batch_size, loader.drop_last) == (batch, drop_last)
    assert loader.sampler.drop_last == drop_last
    assert cfg.train_cfg.max_epochs == epochs
    (schedule,) = cfg.get('param_scheduler') or [None]
    assert (schedule and schedule.get('milestones', schedule.get('step_size'))) == drop
    assert wrapper.optimizer == optimizer
    assert (wrapper.get('clip_grad') or {}).get('max_norm') == norm


def test_streams_of_a_linear_evaluation_of_ms2l_are_clipped_alone():
    cfg = load_config(CONFIGS / 'benchmarks/linear_ms2l.py', pretrained='random', encoder='gru')
    options = dict(cfg.optim_wrapper, optimizer={'type': 'SGD', 'lr': 1.0})
    kind, groups = options.pop('constructor'), options.pop('paramwise_cfg')
    moved = {}
    for streams in (['joint', 'bone'], ['joint']):
        cfg.model.update(modalities=streams, backbone={'type': 'GRU', 'hidden_size': 2})
        model = MODELS.build(cfg.model)
        wrapper = OPTIM_WRAPPER_CONSTRUCTORS.get(kind)(options, groups)(model)
        joint = model.heads['joint'].fc.weight
        start = joint.detach().clone()
        for stream, size in zip(streams, (10.0, 1000.0), strict=False):
            for x in model.heads[stream].parameters():
                x.grad = torch.full_like(x, size)
        wrapper.step()
        moved[len(streams)] = start - joint.detach()
    assert 5 < moved[1].norm() < 10  # clipped together with the bias
    torch.testing.assert_close(moved[2], moved[1])

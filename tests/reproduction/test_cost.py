"""Costs equal the counted operations of real steps, also with the shortcut over frames."""

import pytest
import torch

from mmcmd.reproduction import cost
from mmcmd.reproduction.clock import Steps
from mmcmd.reproduction.complexity import count_flops
from mmcmd.reproduction.paper import Cell
from mmcmd.reproduction.runs import Reproduction

TINY = ('model.backbone.hidden_size=8', 'model.backbone.num_layers=1', 'train_cfg.max_epochs=4')


@pytest.fixture
def tiny(root, tmp_path, tiny_pickle, monkeypatch):
    monkeypatch.chdir(root)
    return Reproduction(
        'synthetic_xsub', tmp_path, ann_files={'synthetic_xsub': tiny_pickle}, options=TINY
    )


def test_short_clips_of_recurrent_encoders_count_as_whole_ones(tiny, monkeypatch):
    run = tiny.pretraining('CMD', 0)
    counts, frames, real = [], [], cost._count_batch
    monkeypatch.setattr(cost, '_count_batch', lambda *args: frames.append(args[2]) or real(*args))
    for recurrent in (cost.RecurrentEncoder, ()):
        cost._COUNTED.clear()
        monkeypatch.setattr(cost, 'RecurrentEncoder', recurrent)
        counts.append(cost.estimate(run))
    assert counts[0] == counts[1]
    assert frames == [2, 3, 4, 2, 3, 4, None, None]


def test_a_pre_training_is_counted_by_hand(tiny):
    cost._COUNTED.clear()
    run = tiny.pretraining('MoCo', 0)
    found = cost.estimate(run)
    assert found.sequences == 4 * 15
    gru = 16 * 2 * 3 * 8 * (150 + 8)  # frames, directions, gates, hidden size, inputs
    neck, queue = 16 * 16 + 16 * 128, 128 * 1024
    # Lower limit: query and key forward, and the queue once. Upper limit: also two products
    # backward for each one forward (the first layer needs no gradient of its input), and one
    # validation.
    low = 3 * (4 * 15) * (2 * (gru + neck) + queue)
    high = 3 * (4 * 15) * (4 * (gru + neck) + 3 * (queue + 128)) + 3 * 24 * gru
    assert low < found.flops <= high


def test_pcm3_is_counted_over_whole_clips_which_its_mixing_needs(tiny):
    cost._COUNTED.clear()
    moco, pcm3 = (cost.estimate(tiny.pretraining(name, 0)).flops for name in ('MoCo', 'PCM3'))
    # Three streams, and for each stream 13 passes instead of four, and the decoder.
    assert 3 * 2.5 < pcm3 / moco < 3 * 4.5


def test_a_run_with_fewer_crops_encodes_less(tiny):
    cost._COUNTED.clear()
    tiny.options = (*TINY, 'train_cfg.val_interval=1')
    every, cached = (
        cost.estimate(tiny.chain(Cell('CMD', protocol, 'joint'), 0)[-1])
        for protocol in ('linear', 'cached1')
    )
    assert every.sequences == cached.sequences == 4 * 15
    assert every.flops == 4 * cached.flops  # one crop and one validation instead of four


def test_epochs_of_a_number_of_steps_are_counted_by_their_batches(tiny):
    cost._COUNTED.clear()
    whole = cost.estimate(tiny.pretraining('MoCo', 0))
    tiny.clock, tiny._runs = Steps(50), {}
    found = cost.estimate(run := tiny.pretraining('MoCo', 0))
    assert found.sequences == 2 * 25 * run.config.train_dataloader.batch_size > whole.sequences
    assert found.flops / found.sequences == pytest.approx(whole.flops / whole.sequences, rel=0.2)


def test_encoders_without_training_are_counted_by_their_test(tiny):
    cost._COUNTED.clear()
    raw, random = (cost.estimate(tiny.pretraining(name, 0)) for name in ('raw', 'random'))
    assert (raw.sequences, raw.flops) == (0, 0)
    run = tiny.pretraining('random', 0)
    model = run.build()
    assert random.sequences == 0
    assert random.flops == 24 * count_flops_of(model)


def count_flops_of(model):
    inputs = torch.zeros(1, 2, 16, 25, 3, device='meta')
    return sum(count_flops(model.extract_feat, inputs, name) for name in model.streams)


@pytest.fixture
def missing(root, tmp_path, monkeypatch):
    """Return a function: data set -> its runs, without the file of the data set."""
    monkeypatch.chdir(root)
    cost._COUNTED.clear()

    def make(name):
        return Reproduction(
            name, tmp_path, encoder='bigru', ann_files={name: tmp_path / 'no.pkl'}, options=TINY
        )

    return make


def test_no_data_and_no_official_number_no_count(missing):
    assert cost.estimate(missing('synthetic_xsub').pretraining('CMD', 0)) is None


def test_official_numbers_stand_in_for_data_that_are_not_there(missing):
    found = cost.estimate(missing('ntu60_xsub').pretraining('MoCo', 0))
    assert found.official
    assert found.sequences == 4 * 40_091
    assert found.flops > 0


def test_a_part_of_the_official_number_is_trained_with_a_part_of_the_labels(missing):
    whole, part = (
        cost.estimate(missing('ntu60_xsub').chain(Cell('CMD', protocol, 'joint'), 0)[-1])
        for protocol in ('finetune', 'semi1')
    )
    assert whole.sequences == 4 * 40_091
    assert part.sequences == 4 * 401


def test_a_random_stand_in_costs_what_real_sequences_cost(tiny):
    run = tiny.pretraining('MoCo', 0)
    real = cost.estimate(run)
    cost._COUNTED.clear()
    loaders = cost.loaders(run.config)
    sizes = {'xsub_train': 15, 'xsub_val': 9}
    assert cost._estimate_official(run, loaders, sizes) == cost.replace(real, official=True)

"""Fine-tuning, semi-supervised and supervised configs train the right parameters."""

import json

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_plain


@pytest.fixture
def train(make_runner, tiny_linear_options, pretrained, tmp_path):
    def train(protocol, **options):
        config = f'benchmarks/{protocol}.py'
        checkpoint = {'model.pretrained': str(pretrained / 'epoch_2.pth')}
        if protocol == 'supervised':
            checkpoint = {}
        runner = make_runner(
            config, tmp_path / protocol, tiny_linear_options | checkpoint | options
        )
        runner.train()
        return runner

    return train


def moved(runner, pretrained):
    """Return whether weights and BatchNorm statistics of the encoder have changed."""
    encoder = runner.model.encoders['joint']
    before = load_plain(str(pretrained / 'epoch_2.pth'))['state_dict']
    after = encoder.state_dict()
    return {k for k, x in after.items() if not torch.equal(x, before[f'encoders.joint.{k}'])}


def test_fine_tuning_trains_the_encoder_and_its_batch_norm(train, pretrained):
    names = moved(train('finetune'), pretrained)
    assert {'backbone.rnn.weight_hh_l0', 'backbone.input_norm.running_mean'} <= names


def test_semi_supervised_run_saves_its_subset_and_can_repeat_it(train, pretrained, tmp_path):
    subset = 'train_dataloader.dataset.subset'
    runner = train('semi', **{f'{subset}.percent': 40, f'{subset}.seed': 3})
    assert moved(runner, pretrained)
    saved = tmp_path / 'semi' / 'subset.txt'
    lines = saved.read_text().splitlines()
    assert 'percent=40, seed=3' in lines[0]
    assert lines[1:] == runner.train_dataloader.dataset.subset_names
    assert len(runner.train_dataloader.dataset) == len(lines) - 1 == 6

    kept = tmp_path / 'kept.txt'
    saved.rename(kept)
    again = train('semi', **{subset: {'_delete_': True, 'file': str(kept)}})
    assert again.train_dataloader.dataset.subset_names == lines[1:]


def test_supervised_run_starts_from_nothing(train, pretrained, tmp_path):
    runner = train('supervised')
    assert runner.model.pretrained == 'random'
    results = json.loads((tmp_path / 'supervised/results.json').read_text())
    assert {'acc/joint_top1', 'acc/3s_top1'} <= results.keys()


def test_every_protocol_takes_one_modality(train, tmp_path):
    train('finetune', **{'model.modalities': ['bone']})
    results = json.loads((tmp_path / 'finetune/results.json').read_text())
    assert {name.split('/')[1].split('_')[0] for name in results} == {
        'bone',
        'mean1',
        'top1',
        'top5',
    }


def test_transfer_to_other_joints_is_refused(
    make_runner, tiny_linear_options, pretrained, tmp_path
):
    options = tiny_linear_options | {
        'model.pretrained': str(pretrained / 'epoch_2.pth'),
        'model.layout': 'kinect_v1',
    }
    config = 'benchmarks/finetune.py'
    with pytest.raises(InputError, match=r"joints of layout 'ntu', but .* those of 'kinect_v1'"):
        make_runner(config, tmp_path, options).train()

"""Chains from raw files to an accuracy, for every raw format, and transfer between data sets."""

import json
import time
from pathlib import Path

import pytest

from mmcmd.synthetic import FORMATS

CHAINS = {  # raw format to data set and split
    'ntu': 'ntu60_xsub',
    'pkummd': 'pkummd2_xsub',
    'nwucla': 'nwucla_xview',
    'utdmhad': 'utdmhad_xsub',
    'msraction3d': 'msraction3d_xsub',
    'utkinect': 'utkinect_xsub',
    'bandai2': 'bandai2_xstyle',
}
LOADING = [
    'clip_len=8',
    *('train_dataloader.num_workers=0', 'val_dataloader.num_workers=0'),
    *('train_dataloader.batch_size=8', 'default_hooks.checkpoint.interval=1'),
    *('train_cfg.max_epochs=1', 'train_cfg.val_interval=1', 'param_scheduler=None'),
]
PRETRAINING = [
    *('model.backbone.hidden_size=4', 'model.backbone.num_layers=1'),
    *('model.queue.size=16', 'model.distill_head.topk=8'),
    'val_cfg.gallery_dataloader.num_workers=0',
]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('chains')


@pytest.fixture
def convert(run_tool, folder):
    """Return a function: raw format -> pickle converted from synthetic files of this format."""

    def convert(fmt):
        raw, pickle = folder / fmt, folder / f'{fmt}.pkl'
        if not pickle.exists():
            size = ['--subjects', '7', '--actions', '4', '--cameras', '1', '2', '3', '--jobs', '1']
            assert run_tool('data/make_synthetic.py', raw, '--format', fmt, *size)[0] == 0
            source = next(raw.glob('*.npz')) if fmt == 'bandai2' else raw
            command = (fmt, source, '--out', pickle, '--jobs', '1')
            status, _, err = run_tool('data/convert.py', *command)
            assert status == 0, err
        return pickle

    return convert


@pytest.fixture
def train(run_tool, root, folder, monkeypatch):
    """Return a function: config, data set, pickle, encoder, options -> work dir of a short run."""
    monkeypatch.chdir(root)

    def train(config, data, pickle, *options, pretrained=None):
        # Two runs with one name and one time would share mmengine's message hub.
        options = (f'experiment_name=run{time.monotonic_ns()}', *options)
        work_dir = folder / f'{Path(config).stem}_{data}'
        command = ('--work-dir', work_dir, '--ann-file', pickle, '--data', data, '--seed', '0')
        if pretrained:
            command += ('--pretrained', pretrained / 'epoch_1.pth')
        status, _, err = run_tool(
            'train.py', f'configs/{config}', *command, '--cfg-options', *LOADING, *options
        )
        assert status == 0, err
        return work_dir

    return train


def accuracy(work_dir, metric):
    return json.loads((work_dir / 'results.json').read_text())[metric]['last']


def test_every_raw_format_has_a_chain():
    assert set(CHAINS) == set(FORMATS)


@pytest.mark.parametrize('fmt', CHAINS)
def test_raw_files_become_an_accuracy(fmt, convert, train):
    pickle, data = convert(fmt), CHAINS[fmt]
    encoder = train('cmd/cmd.py', data, pickle, *PRETRAINING)
    assert 0 <= accuracy(encoder, 'knn/3s_top1') <= 1
    linear = train('benchmarks/linear.py', data, pickle, pretrained=encoder)
    assert 0 <= accuracy(linear, 'acc/3s_top1') <= 1
    share = 'train_dataloader.dataset.subset.percent=30'
    semi = train('benchmarks/semi.py', data, pickle, share, pretrained=encoder)
    assert (semi / 'subset.txt').is_file()
    assert 0 <= accuracy(semi, 'acc/bone_top1') <= 1


def test_encoder_is_transferred_from_ntu_to_pku(convert, train):
    encoder = train('cmd/cmd.py', 'ntu60_xsub', convert('ntu'), *PRETRAINING)
    work_dir = train(
        'benchmarks/transfer.py', 'pkummd2_xsub', convert('pkummd'), pretrained=encoder
    )
    assert 0 <= accuracy(work_dir, 'acc/joint_top1') <= 1


def test_encoder_is_not_transferred_to_other_joints(convert, train, run_tool, folder):
    encoder = train('cmd/cmd.py', 'ntu60_xsub', convert('ntu'), *PRETRAINING)
    status, _, err = run_tool(
        'train.py',
        'configs/benchmarks/finetune.py',
        *('--work-dir', folder / 'refused', '--ann-file', convert('nwucla')),
        *('--data', 'nwucla_xview', '--pretrained', encoder / 'epoch_1.pth'),
    )
    assert status == 2
    assert "trained on the joints of layout 'ntu'" in err.splitlines()[-1]


def test_encoder_of_one_sensor_encodes_the_joints_of_another(convert, train):
    encoder = train('cmd/cmd.py', 'ntu60_xsub', convert('ntu'), *PRETRAINING)
    work_dir = train(
        *('benchmarks/linear.py', 'nwucla_xview', convert('nwucla'), 'data.map_joints=nearest'),
        pretrained=encoder,
    )
    assert 0 <= accuracy(work_dir, 'acc/3s_top1') <= 1


def test_isc_is_trained_and_either_of_its_encoders_is_classified(convert, train):
    pickle, data = convert('nwucla'), CHAINS['nwucla']
    options = [x for x in PRETRAINING if 'distill' not in x]
    encoder = train('isc/isc.py', data, pickle, *options, 'model.partner.base_channels=4')
    results = json.loads((encoder / 'results.json').read_text())
    assert set(results) == {'knn/top1'}, 'the first encoder alone'
    for stream in ('joint', 'joint_partner'):
        chosen = () if stream == 'joint' else (f'model.modalities=[{stream}]',)
        linear = train('benchmarks/linear.py', data, pickle, *chosen, pretrained=encoder)
        results = json.loads((linear / 'results.json').read_text())
        assert f'acc/{stream}_top1' in results
        assert len([name for name in results if name.endswith('_top1')]) == 1

"""After a user's mistake, `train.py` and `test.py` exit with status 2 and one clear line."""

import subprocess
import sys

import pytest
import torch

CONFIG = 'configs/cmd/cmd_bigru_ntu60_xsub.py'


@pytest.fixture
def arguments(root, tmp_path, tiny_options):
    """Return a function: other options -> arguments of a tool on the tiny config."""
    options = {name: x for name, x in tiny_options.items() if 'vis_backends' not in name}
    options['experiment_name'] = tmp_path.name  # mmengine's global loggers have this name

    def make(others=(), config=CONFIG):
        pairs = (f'{name}={value}' for name, value in (options | dict(others)).items())
        return [root / config, '--work-dir', tmp_path / 'work', '--cfg-options', *pairs]

    return make


def check(outcome, tool, *parts):
    status, _, stderr = outcome
    assert status == 2, stderr
    assert stderr.startswith(f'{tool}: error: ')
    assert stderr.count('\n') == 1
    for part in parts:
        assert part in stderr


NO_DATA = 'no annotation file /nowhere/x.pkl', 'mmcmd convert', '/nowhere/x.pkl'
TRAIN = {
    'no data': ({'train_dataloader.dataset.ann_file': '/nowhere/x.pkl'}, NO_DATA),
    'no split': (
        {'train_dataloader.dataset.split': 'xset_train'},
        ("no split 'xset_train'", 'xsub_train, xsub_val'),
    ),
    'K beyond the queue': (
        {'model.distill_head.topk': 13},
        ('distill_head.topk=13', 'queue.size=12'),
    ),
    'modality': (
        {'model.modalities': '[joint,smell]'},
        ("no modality 'smell'", 'bone, joint, motion'),
    ),
    'layout of the model': (
        {'model.layout': 'octopus'},
        ("no skeleton layout 'octopus'", 'bandai2, coco, h36m'),
    ),
    'layout of the data': (
        {'train_dataloader.dataset.layout': 'octopus'},
        ("no skeleton layout 'octopus'", 'bandai2, coco, h36m'),
    ),
    'batch': (
        {'train_dataloader.batch_size': 16},
        ('15 training sequences do not fill one batch', 'train_dataloader.batch_size'),
    ),
    'option of the loop': (
        {'train_cfg.max_epoch': 2},
        ('the config cannot be built', "unexpected keyword argument 'max_epoch'"),
    ),
    'option of the optimiser': (
        {'optim_wrapper.optimizer.rate': 1},
        ('the config cannot be built', "unexpected keyword argument 'rate'"),
    ),
}
TEST = {
    'no data': ({'test_dataloader.dataset.ann_file': '/nowhere/x.pkl'}, NO_DATA),
    'no gallery': (
        {'test_cfg.gallery_dataloader.dataset.split': 'xset_train'},
        ("no split 'xset_train'", 'xsub_train, xsub_val'),
    ),
    'option of the metric': (
        {'test_evaluator.neighbours': 3},
        ('the config cannot be built', "unexpected keyword argument 'neighbours'"),
    ),
    'k beyond the gallery': ({'test_evaluator.k': 16}, ('k=16', 'a gallery of 15')),
    'modality': ({'model.modalities': '[smell]'}, ("no modality 'smell'",)),
}


@pytest.mark.parametrize('case', TRAIN)
def test_training(case, arguments, run_tool):
    options, parts = TRAIN[case]
    check(run_tool('train.py', *arguments(options)), 'train.py', *parts)


@pytest.mark.parametrize('case', TEST)
def test_testing(case, arguments, run_tool):
    options, parts = TEST[case]
    check(run_tool('test.py', *arguments(options)), 'test.py', *parts)


def test_checkpoint_of_another_architecture(arguments, run_tool, pretrained):
    command = arguments({'model.backbone.hidden_size': 5, 'model.neck.in_channels': 10})
    command.insert(1, pretrained / 'epoch_2.pth')
    parts = 'epoch_2.pth has another architecture', 'use the config that it was trained with'
    check(run_tool('test.py', *command), 'test.py', *parts)


def test_missing_checkpoint(arguments, run_tool, tmp_path):
    config, *others = arguments()
    outcome = run_tool('test.py', config, tmp_path / 'nothing.pth', *others)
    check(outcome, 'test.py', 'nothing.pth does not exist')


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_missing_config(tool, arguments, run_tool):
    command = arguments(config='configs/nothing.py')
    check(run_tool(tool, *command), tool, 'configs/nothing.py does not exist')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU for float16')
def test_half_precision_without_a_gpu(arguments, run_tool):
    outcome = run_tool('train.py', '--amp', *arguments())  # a flag, which may stand first
    check(outcome, 'train.py', '--amp needs a GPU', '--amp-dtype bfloat16 works without')


@pytest.mark.parametrize('text', ['model = dict(\n', "_base_ = './nothing.py'\n", 'x = y\n'])
def test_config_that_cannot_be_read(text, run_tool, tmp_path):
    path = tmp_path / 'broken.py'
    path.write_text(text)
    check(run_tool('train.py', path), 'train.py', f'config {path} cannot be read')


def test_no_warning_comes_before_the_line_in_a_process_of_its_own(root, arguments):
    # The tests above run inside pytest, which captures warnings.
    options, parts = TRAIN['batch']
    command = [sys.executable, root / 'tools' / 'train.py', *arguments(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    check((done.returncode, done.stdout, done.stderr), 'train.py', *parts)

import argparse
import errno
import os

import pytest
import torch

from mmcmd import apis, cli
from mmcmd.errors import InputError
from mmcmd.io import checkpoint
from mmcmd.io.hub import save_folder
from mmcmd.io.publish import published


@pytest.fixture
def load(monkeypatch):
    """Return a function: arguments -> config."""
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setattr(checkpoint, '_trusted', False)
    return lambda *args: cli.load_config(cli.parse(cli.runner_parser('x'), [*map(str, args)]))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'some_config.py'
    path.write_text('model = dict(head=dict(size=3))\n')
    return path


def test_work_dir_is_the_command_line_s_then_the_config_s_then_named_after_it(load, config):
    assert load(config).work_dir == 'work_dirs/some_config'
    config.write_text("work_dir = 'there'\n")
    assert load(config).work_dir == 'there'
    assert load(config, '--work-dir', 'here').work_dir == 'here'


def test_options_override_the_config(load, config):
    assert load(config, '--cfg-options', 'model.head.size=4').model.head.size == 4


def test_checkpoints_are_trusted_only_on_demand(load, config):
    load(config)
    assert not checkpoint._trusted
    load(config, '--trust-checkpoint')
    assert checkpoint._trusted


def test_missing_config_is_told(load, tmp_path):
    with pytest.raises(InputError, match=r'nothing\.py does not exist'):
        load(tmp_path / 'nothing.py')


def stop_with(error):
    def main():
        raise error

    return main


def test_mistake_ends_in_one_sentence_and_status_2(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.run(stop_with(InputError('that is wrong')))
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(': error: that is wrong\n')


def test_sentence_is_the_first_cause_not_the_registry_s(capsys, tiny_cmd):
    with pytest.raises(SystemExit):
        cli.run(lambda: tiny_cmd(backbone={'type': 'BiGRU', 'mode': 'backwards'}))
    stderr = capsys.readouterr().err
    assert stderr.count('\n') == 1
    assert ': error: BiGRU mode must be one of' in stderr


def test_name_that_was_put_before_a_cause_is_kept(capsys):
    def main():
        try:
            raise InputError('parents form a circle')
        except InputError as error:
            raise InputError(f'layout.json: {error}') from None

    with pytest.raises(SystemExit):
        cli.run(main)
    assert capsys.readouterr().err.endswith(': error: layout.json: parents form a circle\n')


def test_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        cli.run(stop_with(ZeroDivisionError()))


def test_forbidden_file_and_forbidden_folder_have_their_own_remedies(capsys, config):
    for path, remedy in ((config, 'change its permissions'), (config.parent, '--work-dir')):
        with pytest.raises(SystemExit) as stop:
            cli.run(stop_with(PermissionError(errno.EACCES, 'Permission denied', str(path))))
        assert stop.value.code == 2
        stderr = capsys.readouterr().err
        assert f'no permission for {path} (Permission denied); ' in stderr
        assert remedy in stderr


def test_broken_pipe_other_than_that_of_the_reader_is_told(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.run(stop_with(BrokenPipeError(errno.EPIPE, 'Broken pipe')))
    assert stop.value.code == 2
    assert 'Broken pipe' in capsys.readouterr().err


def test_interruption_is_quiet(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.run(stop_with(KeyboardInterrupt()))
    assert stop.value.code == 130
    assert capsys.readouterr().err.count('\n') == 1


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('cmd/cmd_bigru_ntu60_xsub.py', 'no annotation file'),
        ('benchmarks/linear.py', 'no annotation file'),
    ],
)
def test_training_without_data_says_what_makes_it(run_tool, root, tmp_path, config, message):
    options = ['train_dataloader.dataset.ann_file=/nowhere/x.pkl', 'model.backbone.hidden_size=2']
    key = 'neck' if config.startswith('cmd') else 'head'
    status, _, stderr = run_tool(
        'train.py',
        root / 'configs' / config,
        *('--work-dir', tmp_path, '--cfg-options', *options, f'model.{key}.in_channels=4'),
    )
    assert status == 2
    assert f'{message} /nowhere/x.pkl' in stderr.splitlines()[-1]


def test_linear_evaluation_without_an_encoder_says_which_option(
    run_tool, root, tmp_path, tiny_linear_options
):
    options = {k: v for k, v in tiny_linear_options.items() if 'vis_backends' not in k}
    status, _, stderr = run_tool(
        'train.py',
        root / 'configs' / 'benchmarks' / 'linear.py',
        *('--work-dir', tmp_path, '--cfg-options'),
        *(f'{name}={value}' for name, value in options.items()),
    )
    assert status == 2
    assert '--pretrained CHECKPOINT.pth' in stderr.splitlines()[-1]


def test_arguments_name_data_set_encoder_and_budget(load, root):
    path = root / 'configs' / 'moco' / 'moco.py'
    cfg = load(path, '--data', 'bandai2_xstyle', '--encoder', 'stgcn', '--budget', 'paper')
    assert (cfg.data.name, cfg.model.backbone.type) == ('bandai2_xstyle', 'STGCN')
    assert cfg.budget == 'paper'
    assert cfg.work_dir == 'work_dirs/moco_stgcn_bandai2_xstyle'


def test_pickle_of_the_command_line_takes_the_place_of_every_loader_s(load, root):
    cfg = load(root / 'configs' / 'cmd' / 'cmd.py', '--ann-file', 'mine.pkl')
    assert {loader.dataset.ann_file for loader in apis.loaders(cfg).values()} == {'mine.pkl'}


def test_evaluation_lies_beside_the_checkpoint_it_evaluates(root, load, pretrained):
    parser = cli.runner_parser('x')
    parser.add_argument('--pretrained')
    path, file = root / 'configs/benchmarks/linear.py', pretrained / 'epoch_2.pth'
    cfg = cli.load_config(parser.parse_args([str(path), '--pretrained', str(file)]))
    assert cfg.work_dir == str(pretrained / 'linear_ntu60_xsub_epoch_2')


def test_evaluation_of_a_folder_lies_beside_it_and_not_in_it(root, load, pretrained, tmp_path):
    small = published(checkpoint.load_plain(str(pretrained / 'epoch_2.pth')), 'x')
    save_folder(small, tmp_path / 'cmd.v1', 'a card')
    parser = cli.runner_parser('x')
    parser.add_argument('checkpoint')
    arguments = root / 'configs/benchmarks/knn.py', tmp_path / 'cmd.v1'
    cfg = cli.load_config(parser.parse_args([*map(str, arguments)]))
    assert cfg.work_dir == str(tmp_path / 'knn_ntu60_xsub_cmd.v1')


def test_parser_has_the_options_that_people_s_commands_rely_on():
    args = cli.runner_parser('x').parse_args(['c.py', '--launcher', 'slurm', '--local-rank', '3'])
    assert isinstance(args, argparse.Namespace)
    assert (args.launcher, args.local_rank) == ('slurm', 3)


@pytest.fixture
def srun(monkeypatch, tmp_path):
    """Make this process look like the last of three ranks that srun has started on two nodes."""
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames n[1-2]" ] && echo n1 && echo n2\n')
    scontrol.chmod(0o755)
    environment = {
        'PATH': f'{tmp_path}{os.pathsep}{os.environ["PATH"]}',
        'SLURM_PROCID': '2',
        'SLURM_LOCALID': '0',
        'SLURM_NTASKS': '3',
        'SLURM_JOB_ID': '4711',
        'SLURM_STEP_NODELIST': 'n[1-2]',
    }
    monkeypatch.setattr(os, 'environ', environment)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    joined = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', joined.append)
    return environment, joined


def test_ranks_of_srun_find_each_other_without_a_gpu(load, config, srun):
    environment, joined = srun
    load(config, '--launcher', 'slurm')
    assert joined == ['gloo']
    names = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR')
    assert [environment[name] for name in names] == ['2', '0', '3', 'n1']


def test_two_slurm_jobs_on_one_node_have_two_ports(load, config, srun):
    environment, _ = srun
    ports = set()
    for job in ('4711', '4712'):
        environment.pop('MASTER_PORT', None)
        environment['SLURM_JOB_ID'] = job
        load(config, '--launcher', 'slurm')
        ports.add(environment['MASTER_PORT'])
    assert len(ports) == 2
    environment['MASTER_PORT'] = '29500'
    load(config, '--launcher', 'slurm')
    assert environment['MASTER_PORT'] == '29500'


def test_launcher_slurm_without_srun_is_told(load, config, srun):
    del srun[0]['SLURM_PROCID']
    with pytest.raises(InputError, match=r'mmcmd slurm-train'):
        load(config, '--launcher', 'slurm')


@pytest.mark.parametrize('available', [True, False])
def test_all_loaders_are_pinned_where_there_is_a_gpu(load, root, monkeypatch, available):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: available)
    cfg = load(root / 'configs' / 'cmd' / 'cmd_bigru_ntu60_xsub.py')
    loaders = cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader
    loaders += cfg.val_cfg.gallery_dataloader, cfg.test_cfg.gallery_dataloader
    assert [loader.get('pin_memory', False) for loader in loaders] == [available] * 5


def test_an_option_leaves_a_loader_unpinned(load, root, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    path = root / 'configs' / 'cmd' / 'cmd_bigru_ntu60_xsub.py'
    cfg = load(path, '--cfg-options', 'train_dataloader.pin_memory=False')
    assert not cfg.train_dataloader.pin_memory
    assert cfg.val_dataloader.pin_memory


@pytest.mark.parametrize('part', ['', 'inner', 'inner/more'])
def test_file_where_a_folder_is_needed_is_told(capsys, monkeypatch, tmp_path, part):
    file = tmp_path / 'README.md'
    file.write_text('')
    monkeypatch.setattr('sys.argv', ['tool.py'])
    with pytest.raises(SystemExit, match='2'):
        cli.run(lambda: (file / part).mkdir(parents=True, exist_ok=True))
    message = f'tool.py: error: {file} is a file, and a folder is needed there; give another path\n'
    assert capsys.readouterr().err == message

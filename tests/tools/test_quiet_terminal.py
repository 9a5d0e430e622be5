"""A training and a test print few lines of 80 columns, and one message for each problem."""

import importlib
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CODES = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]')
COLOURS = re.compile(r'\x1b\[[0-9;]*m')


def lines_of(text):
    return CODES.sub('', text).splitlines()


def too_wide(lines):
    """Return the lines of more than 80 columns, but for those that hold a path."""
    return [line for line in lines if len(line) > 80 and '/' not in line]


@pytest.fixture(scope='module')
def trained(root, tiny_options, tmp_path_factory):
    """Return the work dir and the lines of a tiny training whose output goes to a pipe."""
    work = tmp_path_factory.mktemp('quiet') / 'work'
    done = subprocess.run(
        arguments(root, 'train.py', tiny_options, work),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(root),
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return work, done.stdout.splitlines()


def arguments(root, tool, options, work, *others):
    pairs = [f'{name}={x}' for name, x in options.items() if 'vis_backends' not in name]
    config = root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'
    command = [sys.executable, root / 'tools' / tool, config, *others, '--work-dir', work]
    return [*command, '--cfg-options', *pairs]


def environment(root, **variables):
    path = os.pathsep.join(filter(None, (str(root), os.environ.get('PYTHONPATH'))))
    return os.environ | {'PYTHONPATH': path, 'COLUMNS': '80', 'TERM': 'xterm'} | variables


def test_training_is_told_in_few_lines(trained):
    work, lines = trained
    start = lines.index('cmd_bigru_ntu60_xsub on ntu60_xsub, budget paper')
    assert start == 0 or lines[0].startswith('packing'), 'data that are new'
    assert [line.split()[0] for line in lines[start + 1 : start + 5]] == [
        'data',
        'model',
        'steps',
        'log',
    ]
    first = next(i for i, line in enumerate(lines) if re.match(r'epoch 1 of 2, loss \d', line))
    assert first < 15
    assert len(lines) < 30, 'two epochs, with a table of five lines for each'
    assert too_wide(lines) == []
    assert str(work / 'results.json') in lines[-1]


def test_each_evaluation_is_a_table(trained):
    _, lines = trained
    tables = [i for i, line in enumerate(lines) if line.startswith('  accuracy, %')]
    assert len(tables) == 2
    for start in tables:
        names = [line.split()[1] for line in lines[start + 1 : start + 4]]
        assert names == ['joint', 'motion', 'bone']


def test_the_log_file_has_the_rest(trained):
    work, lines = trained
    log = next(Path(line.split()[1]) for line in lines if line.split()[0] == 'log')
    assert log.is_relative_to(work)
    text = log.read_text()
    for part in ('System environment:', 'Config:', 'Epoch(train)', 'Epoch(val)', 'knn/top1: last'):
        assert part in text
        assert not any(part in line for line in lines)


def test_test_is_told_in_15_lines(root, tiny_options, pretrained, tmp_path, run_tool):
    command = arguments(root, 'test.py', tiny_options, tmp_path, pretrained / 'epoch_2.pth')
    status, out, err = run_tool('test.py', *command[2:])
    assert (status, err) == (0, '')
    lines = out.splitlines()
    assert len(lines) <= 15
    assert too_wide(lines) == []
    assert '15 in the gallery' in out
    assert [line.split()[1] for line in lines if line.startswith('  knn')] == [
        *('joint', 'motion', 'bone', '3s')
    ]


def test_the_whole_log_is_printed_on_request(root, tiny_options, pretrained, tmp_path, run_tool):
    checkpoint = pretrained / 'epoch_2.pth'
    command = arguments(root, 'test.py', tiny_options, tmp_path, checkpoint, '--verbose')
    status, out, _ = run_tool('test.py', *command[2:])
    assert status == 0
    assert 'Config:' in out
    assert 'Epoch(test)' in out
    assert '  accuracy, %' not in out


def on_a_terminal(command, env):
    """Run a command on a terminal of 80 columns; return its status and what it wrote."""
    main, other = pty.openpty()
    process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=env)
    os.close(other)
    parts = []
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # Linux says so when the program has ended
            break
        if not part:
            break
        parts.append(part)
    os.close(main)
    return process.wait(timeout=60), b''.join(parts).decode()


@pytest.mark.parametrize('no_color', [False, True])
def test_a_terminal_has_one_live_line(root, tiny_options, tmp_path, no_color):
    variables = {'NO_COLOR': '1'} if no_color else {}
    command = arguments(root, 'train.py', tiny_options, tmp_path / 'work')
    env = environment(root, **variables)
    if not no_color:
        env.pop('NO_COLOR', None)
    status, text = on_a_terminal(command, env)
    assert status == 0, text
    live = re.findall(r'epoch \d/2 .*? left', CODES.sub('', text))
    assert any(re.search(r'loss \S+ +acc \S+ % +\S+/s +\d:\d\d:\d\d left', x) for x in live), text
    assert text.count('\x1b[?25l') == text.count('\x1b[?25h'), 'the cursor is shown again'
    assert too_wide(re.split(r'[\r\n]', CODES.sub('', text))) == []
    colours = {x for x in COLOURS.findall(text) if re.search(r'3\d|9\d', x)}
    assert bool(colours) != no_color


def test_a_training_goes_on_when_nobody_reads_what_it_prints(root, tiny_options, tmp_path):
    command = arguments(root, 'train.py', tiny_options, tmp_path / 'work')
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(root)
    )
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait(timeout=300) == 0, errors
    assert errors == ''
    assert (tmp_path / 'work' / 'epoch_2.pth').is_file()


@pytest.mark.parametrize(
    'mistake', [{'train_dataloader.batch_size': 16}, {'model.modalities': '[smell]'}]
)
def test_a_failed_start_leaves_no_folder(root, tiny_options, tmp_path, run_tool, mistake):
    options = tiny_options | mistake
    command = arguments(root, 'train.py', options, tmp_path / 'runs' / 'first')
    status, out, err = run_tool('train.py', *command[2:])
    assert (status, out, err.count('\n')) == (2, '', 1)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_start_keeps_what_was_there(root, tiny_options, tmp_path, run_tool):
    (tmp_path / 'notes.txt').write_text('mine')
    options = tiny_options | {'train_dataloader.batch_size': 16}
    status, _, _ = run_tool('train.py', *arguments(root, 'train.py', options, tmp_path)[2:])
    assert status == 2
    assert [path.name for path in tmp_path.iterdir()] == ['notes.txt']


def test_a_run_that_has_begun_keeps_its_log(root, tiny_options, tmp_path, run_tool):
    options = tiny_options | {'optim_wrapper.optimizer.lr': '1e38', 'optim_wrapper.clip_grad': None}
    status, _, err = run_tool('train.py', *arguments(root, 'train.py', options, tmp_path)[2:])
    assert status == 2
    assert 'finite' in err or 'NaN' in err
    assert list(tmp_path.glob('*/*.log'))


@pytest.fixture
def forbidden():
    """Return a folder in which nothing can be written, also by root: another user asks."""
    # That user may be unable to read the installed packages, so import what the tools need.
    for name in ('mmcmd.apis', 'mmcmd.engine.tool_runner', 'mmcmd.reproduction.command'):
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        yield Path(folder)
        if user == 0:
            os.seteuid(user)
        os.chmod(folder, 0o755)


@pytest.mark.parametrize(
    ('tool', 'words', 'folder'),
    [
        ('train.py', ['configs/cmd/cmd_bigru_ntu60_xsub.py', '--work-dir'], 'work'),
        ('reproduce.py', ['table5', '--data', 'synthetic', '--out'], 'work'),
        ('reproduce.py', ['table5', '--data', 'synthetic', '--out'], ''),
    ],
)
def test_no_permission_is_one_sentence(root, forbidden, run_tool, monkeypatch, tool, words, folder):
    monkeypatch.chdir(root)
    if not os.access(root / 'configs/cmd/cmd_bigru_ntu60_xsub.py', os.R_OK, effective_ids=True):
        pytest.skip('the other user cannot read the configs')
    status, out, err = run_tool(tool, *words, forbidden / folder)
    assert (status, out) == (2, '')
    assert err.count('\n') == 1
    assert f'no permission for {forbidden / folder} ' in err
    assert '--work-dir or --out' in err

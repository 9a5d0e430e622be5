"""The command `mmcmd`: it runs the tools by name."""

import subprocess
import sys

import pytest

from mmcmd import __main__ as command
from mmcmd.__main__ import COMMANDS, main
from mmcmd.tool_files import find_tool

TOOLS = {name: tool for group in COMMANDS.values() for name, (tool, _) in group.items()}


@pytest.fixture
def run_command(monkeypatch, capsys):
    """Return a function: run `mmcmd` with these arguments: exit status, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['mmcmd', *arguments])
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


def test_every_tool_has_a_command(root):
    files = (x for kind in ('*.py', '*.sh') for x in (root / 'tools').rglob(kind))
    tools = {x.relative_to(root / 'tools').as_posix() for x in files}
    # The first is for the launchers. The second is a shorter form of another tool.
    assert tools - {'torchrun.py', 'model_converters/cmd_to_mmcmd.py'} == set(TOOLS.values())


def test_help_names_every_command_in_80_columns(run_command):
    for arguments in ((), ('--help',)):
        status, out, _ = run_command(*arguments)
        assert status == 0
        assert all(f'  {name} ' in out for name in TOOLS)
        assert max(map(len, out.splitlines())) <= 80


def test_help_loads_neither_torch_nor_the_package():
    code = (
        "import sys; sys.argv = ['mmcmd', '--help']; import mmcmd.__main__ as it; "
        "it.main(); print({'torch', 'mmengine', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith('set()\n'), done.stderr


@pytest.mark.parametrize('name', [x for x, tool in TOOLS.items() if tool.endswith('.sh')])
def test_a_script_is_called_by_the_name_of_its_command(name):
    words = [sys.executable, '-m', 'mmcmd', name, 'config.py']
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f'usage: mmcmd {name} ')
    words = [sys.executable, '-m', 'mmcmd', name, '--help']
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith(f'usage: mmcmd {name} ')


@pytest.mark.parametrize(('wrong', 'right'), [('trian', 'train'), ('Serve', 'serve')])
def test_unknown_command_gives_one_sentence(wrong, right, run_command):
    status, _, err = run_command(wrong)
    assert status == 2
    assert err == (
        f'mmcmd: error: there is no command {wrong!r} (did you mean {right!r}?); '
        '`mmcmd --help` lists them\n'
    )


def test_missing_mmcv_gives_one_sentence_and_the_remedy(run_command, monkeypatch):
    monkeypatch.setattr(command, 'find_spec', lambda name: None if name == 'mmcv' else True)
    status, _, err = run_command('train', 'cmd_bigru_ntu60_xsub')
    assert status == 2
    assert err.count('\n') == 1
    assert "pip install 'mmcmd[lite]'" in err


def test_tool_is_told_its_name_and_its_options(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, '-m', 'mmcmd', *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
        )

    done = run('configs', 'cmd', 'ntu60')
    assert 'cmd/cmd_bigru_ntu60_xsub' in done.stdout.split()
    assert all('ntu60' in name for name in done.stdout.split())
    done = run('configs', 'nothing-of-this-name')
    assert done.returncode == 2
    assert 'mmcmd configs: error: no config has nothing-of-this-name' in done.stderr


def test_shell_scripts_run_too(tmp_path):
    arguments = [sys.executable, '-m', 'mmcmd', 'dist-train']
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert 'CONFIG GPUS' in done.stderr


def test_tools_of_the_package_are_found_from_any_folder(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_tool('tools/train.py') == str(root / 'tools' / 'train.py')
    assert find_tool('other/script.py') == 'other/script.py'


@pytest.mark.parametrize('command', [['configs'], ['config', 'cmd_bigru_ntu60_xsub']])
def test_reader_may_stop_before_the_end(command, tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-m', 'mmcmd', *command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()  # as `head` does
    assert process.stderr.read() == b''
    process.wait(timeout=60)


@pytest.mark.parametrize('closed', ['2>&-', '>&-'])
def test_mistake_has_its_status_without_a_place_for_messages(closed, tmp_path):
    script = f'exec "$0" -m mmcmd config nothing-of-this-name {closed}'
    done = subprocess.run(
        ['bash', '-c', script, sys.executable], cwd=tmp_path, capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert b'Traceback' not in done.stderr

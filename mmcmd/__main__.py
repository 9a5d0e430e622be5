"""The command ``mmcmd``: it runs the tools by name, wherever the package is installed.

A tool is a script in the folder ``tools``. A wheel has a copy of this folder in ``mmcmd/.mim``.
This file imports no other part of the package before the tool is known, so that ``mmcmd --help``
is fast, and so that a training can handle signals before torch is imported.
"""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import NoReturn

from mmcmd.tool_files import find_tool
from mmcmd.version import __version__

COMMANDS = {
    'start here': {
        'quickstart': ('quickstart.py', 'find similar motions with a small encoder'),
        'demo': ('demo.py', 'pre-train, evaluate and draw on simulated data (10 min)'),
    },
    'data': {
        'convert': ('data/convert.py', 'raw data to one pickle; inspect a pickle'),
        'synthesize': ('data/make_synthetic.py', 'make a simulated data set'),
        'browse': ('misc/browse_dataset.py', 'draw what the encoders see'),
    },
    'training and evaluation': {
        'train': ('train.py', 'pre-train an encoder, or train a classifier'),
        'test': ('test.py', 'evaluate a checkpoint'),
        'reproduce': ('reproduce.py', 'reproduce published tables'),
        'dist-train': ('dist_train.sh', 'train on several GPUs'),
        'dist-test': ('dist_test.sh', 'evaluate on several GPUs'),
        'slurm-train': ('slurm_train.sh', 'train on a Slurm cluster'),
    },
    'use of an encoder': {
        'index': ('index.py', 'index motions, and search in them'),
        'serve': ('serve.py', 'open a web page of motions and their neighbours'),
        'features': ('misc/extract_features.py', 'write features to a file'),
        'export': ('deployment/export.py', 'export to ONNX or torch'),
        'publish': ('model_converters/publish_model.py', 'make a folder to give away'),
        'import': ('model_converters/to_mmcmd.py', "read the checkpoints of methods' authors"),
    },
    'information': {
        'configs': ('misc/list_configs.py', 'list the configs of the package'),
        'config': ('misc/print_config.py', 'print a config as the tools see it'),
        'flops': ('analysis_tools/get_flops.py', 'print parameters and FLOPs'),
        'logs': ('analysis_tools/analyze_logs.py', 'print and draw the log of a training'),
    },
}
"""Command to the file of the tool and what it does, by group."""

WITHOUT_MMCV = ('configs',)
"""Commands that run where mmaction2 cannot be imported."""


def main() -> None:
    """Run the command that the arguments name."""
    command, *arguments = sys.argv[1:] or ['--help']
    tools = {name: tool for group in COMMANDS.values() for name, (tool, _) in group.items()}
    if command in ('-h', '--help', 'help'):
        print(_help())
    elif command == '--version':
        print(f'mmcmd {__version__}')
    elif command in tools:
        if command not in WITHOUT_MMCV and find_spec('mmcv') is None:
            _stop(
                "mmaction2 needs mmcv or mmcv-lite, and there is none; pip install 'mmcmd[lite]' "
                'installs mmcv-lite'
            )
        _run(command, find_tool(f'tools/{tools[command]}'), arguments)
    else:
        from mmcmd.errors import did_you_mean

        close = did_you_mean(command, tools)
        _stop(f'there is no command {command!r}{close}; `mmcmd --help` lists them')


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f'mmcmd: error: {message}\n')
    sys.exit(2)


def _help() -> str:
    lines = ['usage: mmcmd COMMAND [options]', '', '`mmcmd COMMAND --help` lists the options.']
    for title, group in COMMANDS.items():
        lines += ['', f'{title}:', *(f'  {name:12}{text}' for name, (_, text) in group.items())]
    return '\n'.join(lines)


def _run(command: str, tool: str, arguments: Sequence[str]) -> None:
    """Run a script as Python or bash runs it; its messages begin with the name of the command."""
    if tool.endswith('.sh'):
        _run_shell(command, tool, arguments)
    sys.argv = [f'mmcmd {command}', *arguments]
    script = ModuleType('__main__')
    # Worker processes that are spawned import this file. Without a spec it counts as a script.
    script.__file__, script.__spec__ = tool, None
    sys.modules['__main__'] = script
    with open(tool, encoding='utf-8') as file:
        code = compile(file.read(), tool, 'exec')
    exec(code, script.__dict__)


def _run_shell(command: str, tool: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by bash. The scripts call ``python``, which must be this one."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get('PATH', '')])
    variables = {'PATH': path, 'MMCMD_COMMAND': f'mmcmd {command}'}
    try:
        os.execvpe('bash', ['bash', tool, *arguments], {**os.environ, **variables})
    except FileNotFoundError:
        _stop('this command needs bash, which is not installed')


if __name__ == '__main__':
    main()

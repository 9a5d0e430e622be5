"""Every code block of the documentation fits the code: names, arguments, tools, options, files.

Many blocks are also run, by the tests that are named after their pages: the README and the page on
using an encoder (``tests/inference``), own data, the pages that add something, and the notebook.
"""

import argparse
import ast
import inspect
import re
import runpy
import sys
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from doc_blocks import ROOT, SHELLS, blocks, commands
from mmengine.registry import DefaultScope

from mmcmd import registry
from mmcmd.apis import choices
from mmcmd.inference import build_index
from mmcmd.reproduction.names import datasets

# Programs that are not ours. What they are given is not checked.
OTHERS = {'.', 'apt-get', 'cd', 'curl', 'docker', 'exec', 'hf', 'npm', 'python3.11', 'sudo'}
# Files that a page tells its reader to save.
SAVED = {'data/mine/make_mine.py', 'data/mine/make_tables.py', 'configs/cmd/large_batch.py'}
OPTIONAL = {'IPython', 'epoch_450_prepare'}  # comes with Jupyter; is written by an export
WRAPPERS = {  # script to the tool that it starts, and its words before those of the tool
    'tools/dist_train.sh': ('tools/train.py', slice(0, 1), slice(2, None)),
    'tools/dist_test.sh': ('tools/test.py', slice(0, 2), slice(3, None)),
    'tools/slurm_train.sh': ('tools/train.py', slice(2, 3), slice(3, None)),
}
SHELL = blocks(*SHELLS)
PYTHON = blocks('python')
CLASSES = set(re.findall(r'^class (\w+)', '\n'.join(x.text for x in PYTHON), re.MULTILINE))


class Parsed(BaseException):
    """The arguments of a tool are valid. It is no Exception, so no tool handles it."""


@pytest.fixture
def parse(monkeypatch, kept_signals):
    """Return a function that lets a tool parse its arguments, and stops it then."""
    parse_args = argparse.ArgumentParser.parse_args

    def parse_and_stop(self, args=None, namespace=None):
        raise Parsed(parse_args(self, args, namespace))

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', parse_and_stop)

    def parse(start, name, arguments):
        monkeypatch.setattr(sys, 'argv', [name, *arguments])
        monkeypatch.setitem(sys.modules, '__main__', sys.modules['__main__'])
        with pytest.raises(Parsed) as parsed, kept_signals():
            start(name, run_name='__main__')
        return parsed.value.args[0]

    return parse


def unknown_words(words):
    """List configs, data sets and encoders of a command that do not exist."""
    files = {x for x in words if re.fullmatch(r'(configs|examples)/[\w/]+\.py', x)} - SAVED
    wrong = [x for x in sorted(files) if not (ROOT / x).is_file()]
    if 'tools/data/convert.py' in words:
        source = words[words.index('tools/data/convert.py') + 1]
        wrong += [source] * (source not in {'inspect', *registry.CONVERTERS.module_dict})
    for option, value in pairwise(words):
        if option == '--encoder' and not value.endswith('.py') and value != 'NAME':
            wrong += [value] * (value not in choices('encoders'))
        if option == '--data' and not value.endswith(('.py', '.pkl')) and value != 'NAME':
            wrong += [value] * (not datasets(value))
    return wrong


def check_command(words, parse):
    """Fail if a command cannot be started as it is written."""
    program, *rest = words
    assert unknown_words(words) == []
    if program.startswith('--'):  # options alone, for a training
        words = ['python', 'tools/train.py', 'configs/cmd/cmd.py', *words]
        program, *rest = words
    if program == 'sbatch':
        rest = [x for x in rest if not x.startswith('-')]
        program, *rest = rest
    if program in WRAPPERS:
        tool, first, others = WRAPPERS[program]
        assert (ROOT / program).is_file()
        program, rest = 'python', [tool, *rest[first], *rest[others]]
    if program == 'make':
        targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
        assert {x for x in rest if '=' not in x} <= set(targets)
    elif program == 'pip':
        extras = {
            x for text in re.findall(r'\[([\w,-]+)\]', ' '.join(rest)) for x in text.split(',')
        }
        known = re.findall(r"^ {8}'([\w-]+)': \[", (ROOT / 'setup.py').read_text(), re.MULTILINE)
        assert extras <= set(known) | {'NAME'}
    elif program == 'python' and rest[0] == '-m':
        module = rest[1]
        if module != 'pytest':
            parse(runpy.run_module, module, rest[2:])
    elif program == 'python' and rest[0].startswith(('tools/', 'docs/', 'tests/')):
        assert (ROOT / rest[0]).is_file()
        if 'add_argument' in (ROOT / rest[0]).read_text() or rest[0].startswith('tools/'):
            parse(runpy.run_path, rest[0], rest[1:])
    elif program == 'mmcmd' and rest[0].startswith('-'):
        assert rest[0] in ('--help', '--version')
    elif program == 'mmcmd':
        parse(runpy.run_module, 'mmcmd', rest)
    elif program == 'python':
        assert rest[0] in SAVED
    else:
        assert program in OTHERS


@pytest.mark.parametrize('block', SHELL, ids=str)
def test_commands_can_be_started(block, parse, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = commands(block.text)
    assert found
    for words in found:
        check_command(words, parse)


def test_a_wrong_command_is_noticed(parse, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    for text in (
        'python tools/train.py configs/cmd/cmd.py --budged small',
        'python tools/train.py configs/cmd/none.py',
        'python tools/train.py configs/cmd/cmd.py --encoder none',
        'python tools/data/convert.py none FOLDER --out data/mine.pkl',
        'python tools/none.py',
        'make none',
        "pip install -e '.[none]'",
        'none',
    ):
        with pytest.raises((AssertionError, SystemExit)):
            check_command(commands(text)[0], parse)
    assert '--budged' in capsys.readouterr().err


def imported(tree):
    """Return the objects of mmcmd that a block imports, by name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if (node.module or '').split('.')[0] == 'mmcmd':
                module = import_module(node.module)
                for name in node.names:
                    found[name.asname or name.name] = getattr(module, name.name)
            else:
                package = node.module.split('.')[0]
                assert package in OPTIONAL or find_spec(package), package
        if isinstance(node, ast.Import):
            for name in node.names:
                assert find_spec(name.name.split('.')[0]), name.name
    return found


def accepts(function, call):
    """Say whether a function takes the keywords of a call."""
    known = inspect.signature(function).parameters.values()
    if any(x.kind is x.VAR_KEYWORD for x in known):
        return True
    return {x.arg for x in call.keywords if x.arg} <= {x.name for x in known}


def registered(name):
    """Return the class that a config names."""
    registries = [x for x in vars(registry).values() if isinstance(x, registry.LazyRegistry)]
    with DefaultScope.overwrite_default_scope('mmcmd'):
        return next((found for x in registries if (found := x.get(name))), None)


@pytest.mark.parametrize('block', PYTHON, ids=str)
def test_python_names_what_exists(block):
    tree = ast.parse(block.text)
    known = imported(tree)
    for call in (x for x in ast.walk(tree) if isinstance(x, ast.Call)):
        name = getattr(call.func, 'id', None)
        if name in known and callable(known[name]):
            assert accepts(known[name], call), ast.unparse(call)
        types = [x.value for x in call.keywords if x.arg == 'type']
        if name == 'dict' and types and isinstance(types[0], ast.Constant):
            assert types[0].value in CLASSES or registered(types[0].value), ast.unparse(call)


def test_a_wrong_name_is_noticed():
    with pytest.raises(AttributeError):
        imported(ast.parse('from mmcmd.inference import MotionRetriver'))
    call = ast.parse('build_index(encoder, inputs, splt=3)', mode='eval').body
    assert not accepts(build_index, call)
    assert registered('KeyQeue') is None


def test_every_language_is_checked_or_shown_only():
    shown = {'text', 'json', 'mermaid', 'yaml'}
    names = {
        name
        for path in {Path(ROOT, x.page) for x in SHELL + PYTHON}
        if path.suffix == '.md'
        for name in re.findall(r'^```(\w+)', path.read_text(), re.MULTILINE)
    }
    assert names <= shown | {'python'} | set(SHELLS)

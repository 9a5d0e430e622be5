"""The page on own data works as written: every file is saved, and every command is run."""

import re
import runpy
import shlex
import shutil

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations

SAVED = re.compile(r'[Ss]ave (?:this|it) as\s`([^`]+)`:\n\n```\w+\n(.*?)```', re.DOTALL)
# Fewer units and no worker processes, for speed.
LIGHT = [
    'model.backbone.hidden_size=8',
    *(f'{part}_dataloader.num_workers=0' for part in ('train', 'val', 'test')),
]
COMMANDS = re.compile(r'```bash\n(.*?)```', re.DOTALL)


@pytest.fixture(scope='module')
def page(root):
    return (root / 'docs/bring_your_own_data.md').read_text()


def test_the_page_runs_as_written(page, root, tmp_path, run_tool, monkeypatch):
    shutil.copytree(root / 'configs', tmp_path / 'configs')
    saved = dict(SAVED.findall(page))
    assert len(saved) == 4
    for name, content in saved.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)

    blocks = [block.replace('\\\n', ' ') for block in COMMANDS.findall(page)]
    lines = [line for block in blocks for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines]
    assert len(commands) == 7
    for _, script, *arguments in commands:
        if not script.startswith('tools/'):
            runpy.run_path(script)
            continue
        tool = script.removeprefix('tools/')
        if tool == 'data/convert.py' and arguments[0] != 'inspect':
            arguments += ['--jobs', '1', '--strict']
        if tool == 'train.py':
            arguments += LIGHT if '--cfg-options' in arguments else ['--cfg-options', *LIGHT]
        status, out, err = run_tool(tool, *arguments)
        assert status == 0, err
        if 'inspect' in arguments:
            assert 'nothing suspicious' in out

    data, tables = (load_annotations(f'data/{name}.pkl') for name in ('mine', 'mine_from_tables'))
    assert data['classes'] == ['both_arms', 'bow', 'wave']
    assert {name: len(names) for name, names in data['split'].items()} == {
        'mine_train': 216,
        'mine_val': 72,
    }
    assert (data['split'], data['classes']) == (tables['split'], tables['classes'])
    for one, other in zip(data['annotations'], tables['annotations'], strict=True):
        np.testing.assert_array_equal(one['keypoint'], other['keypoint'])
        assert one['label'] == other['label']
    for run, metric in (('mine', 'knn/top1'), ('mine_linear', 'acc/3s_top1')):
        assert f'"{metric}"' in (tmp_path / f'work_dirs/{run}/results.json').read_text()

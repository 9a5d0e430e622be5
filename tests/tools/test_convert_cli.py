"""`tools/data/convert.py` as a user types it."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmcmd.datasets.annotations import load_annotations
from mmcmd.datasets.layouts import BANDAI2

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/data/convert.py'


@pytest.fixture
def archive(tmp_path):
    np.savez(
        tmp_path / 'b.npz',
        keypoint=np.ones((5, 21, 3)),
        total_frames=np.array([2, 3]),
        label=np.array([0, 1]),
        style=np.array([0, 1]),
        frame_dir=np.array(['a', 'b']),
        style_names=np.array(['active', 'elderly']),
        parents=np.array([-1, *BANDAI2.parents[1:]]),
    )
    return tmp_path / 'b.npz'


@pytest.fixture
def run_tool(monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(TOOL), run_name='__main__')
        return caught.value.code or 0

    return run


def test_the_command_of_the_readme_works_in_a_process_of_its_own(tmp_path, archive):
    out = tmp_path / 'data/b.pkl'
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH'))))
    done = subprocess.run(
        [sys.executable, TOOL, 'bandai2', archive, '--out', out, '--jobs', '2'],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': path},
    )
    assert done.returncode == 0, done.stderr
    assert f'{out}: 2 converted' in done.stdout
    assert load_annotations(out)['split'] == {'xstyle_train': ['a'], 'xstyle_val': ['b']}
    assert sorted(os.listdir(out.parent)) == ['b.pkl', 'b.report.txt']


def test_bad_input_is_one_sentence_on_stderr(tmp_path, archive, run_tool, capfd):
    for arguments, message in (
        (('martian', archive), "unknown format 'martian'"),
        (('ntu', tmp_path / 'no'), 'there is no'),
        (('ntu', archive), 'is a file'),
        (('bandai2', archive, '--actions', '1-60'), "takes no option 'actions'"),
    ):
        assert run_tool(*arguments, '--out', tmp_path / 'o.pkl', '--jobs', '1') != 0
        lines = capfd.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        assert lines[0].startswith('convert.py: error: ')
        assert message in lines[0]
    assert not (tmp_path / 'o.pkl').exists()


def test_trouble_with_the_disk_is_one_sentence(archive, run_tool, capfd):
    assert run_tool('bandai2', archive, '--out', archive / 'o.pkl', '--jobs', '1') != 0
    assert capfd.readouterr().err.startswith('convert.py: error: ')

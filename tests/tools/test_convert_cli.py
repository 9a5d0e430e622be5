"""`tools/data/convert.py` as a user types it."""

import os
import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from standing_body import make_body

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.skeletons import BANDAI2

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
        (('ntu', tmp_path / 'no'), 'does not exist'),
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


def test_help_lists_the_formats(run_tool, capsys):
    assert run_tool('--help') == 0
    formats = capsys.readouterr().out.partition('formats:\n')[2].splitlines()
    names = [line.split() for line in formats if line[2:3] != ' ']  # others go on with a text
    assert {'agcn', 'bandai2', 'csv', 'ctrgcn', 'npz', 'ntu', 'pyskl'} <= {x[0] for x in names}
    assert all(len(words) > 2 for words in names), 'a name and what it is'


def test_out_must_be_given(archive, run_tool, capsys):
    assert run_tool('bandai2', archive) != 0
    assert 'error: --out is required' in capsys.readouterr().err


def test_own_data_goes_in_and_is_inspected(tmp_path, run_tool, capsys):
    keypoint = np.random.default_rng(0).normal(size=(7, 21, 3))
    keypoint[4:7] = keypoint[:3]
    np.savez(
        tmp_path / 'own.npz',
        keypoint=keypoint,
        total_frames=np.array([3, 1, 3]),
        label=np.array(['walk', 'run', 'walk']),
        split=np.array(['train', 'train', 'val']),
    )
    out = tmp_path / 'own.pkl'
    arguments = ('npz', tmp_path / 'own.npz', '--out', out, '--jobs', '1')
    assert run_tool(*arguments, '--layout', 'bandai2') == 0
    assert run_tool('inspect', out) == 0
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 or str(tmp_path) in line for line in shown.splitlines())
    shown = ' '.join(shown.split())
    assert '1 walk: 2' in shown
    leak = 'LEAK: 1 of 1 (100.0 %) sequences of val are also in train, such as 000000 and 000002'
    assert f'warning: {leak}. Convert the data again with --drop-twins' in shown
    assert run_tool('inspect', out, '--strict') == 1
    assert run_tool(*arguments, '--layout', 'bandai2', '--drop-twins') == 0
    assert '1 left out on purpose' in capsys.readouterr().out
    assert run_tool('inspect', out, '--expect', 'ntu60_xsub') == 0
    shown = ' '.join(capsys.readouterr().out.split())
    assert 'xsub_train has 0 sequences, NTU RGB+D 60 officially 40,091: 40,091 fewer' in shown


@pytest.mark.parametrize(
    ('unit', 'told'), [(1000, 'These look like millimetres: divide by 1,000'), (1, '')]
)
def test_conversion_tells_that_bodies_are_not_in_metres(tmp_path, run_tool, capfd, unit, told):
    for name in 'ab':
        np.save(tmp_path / f'{name}.npy', np.tile(make_body('ntu'), (4, 1, 1)) * unit)
    out = tmp_path / 'own.pkl'
    assert run_tool('npy', tmp_path, '--out', out, '--layout', 'ntu', '--jobs', '1') == 0
    printed = ' '.join(''.join(capfd.readouterr()).split())
    assert '2 converted' in printed
    assert ('the unit is not metres' in printed) == (unit != 1)
    assert told in printed


def test_inspect_takes_a_pickle_and_its_own_options(tmp_path, archive, run_tool, capsys):
    (tmp_path / 'junk.pkl').write_bytes(b'junk')
    for arguments, message in (
        ((tmp_path / 'no.pkl',), 'there is no annotation file'),
        ((tmp_path / 'junk.pkl',), 'is not an annotation pickle that can be loaded'),
        ((archive, '--out', 'x'), "inspect takes no option 'out'"),
        ((archive, '--val-subjects', '3'), "inspect takes no option 'val-subjects'"),
        ((archive, '--expect', 'x'), 'invalid choice'),
    ):
        assert run_tool('inspect', *arguments) != 0
        last = capsys.readouterr().err.strip().splitlines()[-1]
        assert last.startswith('convert.py: error: ')
        assert message in last


def test_subjects_for_validation_make_a_split(tmp_path, run_tool, capsys):
    np.savez(
        tmp_path / 'own.npz',
        keypoint=np.random.default_rng(0).normal(size=(8, 21, 3)),
        total_frames=np.full(4, 2),
        label=np.array([0, 1, 0, 1]),
        subject=np.array([1, 1, 2, 3]),
    )
    out = tmp_path / 'own.pkl'
    arguments = ('npz', tmp_path / 'own.npz', '--out', out, '--jobs', '1', '--layout', 'bandai2')
    assert run_tool(*arguments, '--split-by', 'subject', '--val-subjects', '2', '3') == 0
    split = load_annotations(out)['split']
    assert split['xsub_train'] == ['000000', '000001']
    assert split['xsub_val'] == ['000002', '000003']
    capsys.readouterr()
    for options, message in (
        (('--split-by', 'subject', '--val-subjects', '1', '2', '3'), 'the subjects are 1, 2, 3'),
        (('--split-by', 'subject'), 'needs --val-subjects'),
        (('--val-subjects', '1'), '--val-subjects needs --split-by'),
    ):
        assert run_tool(*arguments, *options) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
        assert line.startswith('convert.py: error: ')
        assert message in line


def test_parents_in_a_circle_are_told_by_inspect(tmp_path, run_tool, capsys):
    """A file of an earlier version may have such a layout, which commands refuse now."""
    layout = {**BANDAI2.to_dict(), 'name': 'mine'}
    layout['parents'] = [0, 2, 1, *layout['parents'][3:]]
    sample = dict(frame_dir='a', label=0, keypoint=np.ones((1, 2, 21, 3)), total_frames=2)
    path = tmp_path / 'circle.pkl'
    path.write_bytes(pickle.dumps(dict(annotations=[sample], split={}, layout=layout)))
    assert run_tool('inspect', path) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert 'the parents form a circle: spine hangs on chest hangs on spine' in line


def test_strict_inspection_fails_where_anything_is_suspicious(tmp_path, run_tool, capsys):
    keypoint = np.random.default_rng(0).normal(scale=0.2, size=(1, 2, 5, 3))
    sample = dict(frame_dir='a', label=0, keypoint=keypoint, total_frames=2)
    path = tmp_path / 'one.pkl'
    for split, status in (({'all': ['a']}, 0), ({'all': ['a'], 'mine_val': []}, 1)):
        path.write_bytes(pickle.dumps(dict(annotations=[sample], split=split)))
        assert run_tool('inspect', path) == 0
        assert run_tool('inspect', path, '--strict') == status
    assert '1 splits have no sequence: mine_val' in capsys.readouterr().out

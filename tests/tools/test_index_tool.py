"""`tools/index.py` builds an index and searches in it."""

import pickle

import numpy as np
import pytest

from mmcmd.retrieval import MotionIndex

TOOL = 'index.py'


@pytest.fixture(scope='module')
def checkpoint(pretrained):
    return pretrained / 'epoch_2.pth'


@pytest.fixture
def built(run_tool, checkpoint, tiny_pickle, tmp_path):
    out = tmp_path / 'index'
    status, stdout, stderr = run_tool(
        TOOL, 'build', checkpoint, tiny_pickle, '--split', 'xsub_train', '--out', out
    )
    assert status == 0, stderr
    assert stdout == f'{out}: 15 entries, joint 8, motion 8, bone 8\n'
    return out


def test_file_is_searched_for(built, run_tool, checkpoint, tiny_pickle, tmp_path):
    data = pickle.loads(tiny_pickle.read_bytes())
    np.save(tmp_path / 'mine.npy', data['annotations'][4]['keypoint'])
    status, stdout, stderr = run_tool(
        TOOL, 'search', checkpoint, built, tmp_path / 'mine.npy', '-k', 3
    )
    assert status == 0, stderr
    lines = [line.split('│') for line in stdout.splitlines() if '│' in line]
    assert stdout.startswith('mine')
    assert lines[0][2].strip() == 'sample04'
    assert (lines[0][3].strip(), lines[0][4].strip()) == ('class 0', '1.000')
    assert len(lines) == 3


@pytest.mark.parametrize(
    ('options', 'title'),
    [
        (('--name', 'sample03', 'sample07'), 'sample03 and sample07'),
        (('--class', '2', '--stream', 'bone'), 'class 2'),
    ],
)
def test_entries_and_classes_are_searched_for(built, run_tool, checkpoint, options, title):
    status, stdout, stderr = run_tool(TOOL, 'search', checkpoint, built, *options)
    assert status == 0, stderr
    assert stdout.startswith(title)
    assert stdout.count('sample') == 5 + title.count('sample')


def test_index_grows(built, run_tool, checkpoint, tiny_pickle):
    arguments = ('build', checkpoint, tiny_pickle, '--split', 'xsub_val', '--out', built, '--add')
    status, stdout, stderr = run_tool(TOOL, *arguments)
    assert status == 0, stderr
    assert '24 entries' in stdout
    assert MotionIndex.open(built).names == [f'sample{x:02d}' for x in range(24)]
    status, _, stderr = run_tool(TOOL, *arguments)
    assert status == 2
    assert "two entries of the index are called 'sample15'" in stderr


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('search', '{checkpoint}', '{built}'), 'search for one of: files, --name'),
        (
            ('search', '{checkpoint}', '{built}', '--class', '1', '--split', 'train'),
            '--split is for files, but the query is in the index; remove it',
        ),
        (('search', '{checkpoint}', '{pickle}', '--class', '1'), r'is not an index'),
        (('search', '{checkpoint}', '{built}', '--name', 'sample99'), "no entry 'sample99'"),
        (('build', '{checkpoint}', '{checkpoint}', '--out', 'x'), 'has no known format'),
        (('build', '{checkpoint}', '{pickle}', '--out', 'x', '--add'), 'there is no index x'),
        (('build', '{pickle}', '{pickle}', '--out', 'x'), 'tiny.pkl'),
    ],
)
def test_mistake_is_one_sentence(built, run_tool, checkpoint, tiny_pickle, arguments, message):
    paths = {'checkpoint': checkpoint, 'built': built, 'pickle': tiny_pickle}
    status, stdout, stderr = run_tool(TOOL, *(x.format(**paths) for x in arguments))
    assert (status, stdout) == (2, '')
    assert message in stderr.splitlines()[-1]

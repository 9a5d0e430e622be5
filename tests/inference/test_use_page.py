"""The code blocks of docs/use.md run as they are written."""

import pickle
import re
import shlex

import numpy as np
import pytest

from mmcmd.retrieval import MotionIndex

NAME = '000003'


@pytest.fixture
def page(root):
    """Return a function: language -> code blocks of the page."""
    text = (root / 'docs/use.md').read_text()
    return lambda language: re.findall(rf'```{language}\n(.*?)```', text, re.DOTALL)


@pytest.fixture
def folder(
    tmp_path,
    monkeypatch,
    encoder_file,
    make_config,
    save_checkpoint,
    tiny_bigru,
    tiny_pickle,
    joints,
):
    """Return a folder with the files that the page names; it is the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ('data', 'linear'):
        (tmp_path / name).mkdir()
    options = tiny_bigru | {'model.head.num_classes': 3}
    classifier = save_checkpoint(make_config(evaluation='linear', **options))
    (tmp_path / 'linear/epoch_80.pth').write_bytes(classifier.read_bytes())
    (tmp_path / 'encoder.pth').write_bytes(encoder_file.read_bytes())
    data = pickle.loads(tiny_pickle.read_bytes())
    data['split'] = {name.replace('xsub', 'mine'): x for name, x in data['split'].items()}
    data['annotations'][0]['frame_dir'] = data['split']['mine_train'][0] = NAME
    classes = ['both_arms', 'bow', 'wave', 'clap']
    (tmp_path / 'data/mine.pkl').write_bytes(pickle.dumps(data | {'classes': classes}))
    rest = {'split': {}, 'layout': 'ntu', 'annotations': [dict(data['annotations'][1])]}
    rest['annotations'][0]['frame_dir'] = 'more'
    (tmp_path / 'more.pkl').write_bytes(pickle.dumps(rest))
    for name, sample in zip(('one', 'two', 'new', 'wave'), data['annotations'], strict=False):
        np.save(tmp_path / f'{name}.npy', sample['keypoint'])
    return tmp_path


def test_python_runs(page, folder, joints):
    blocks = page('python')
    assert len(blocks) == 6
    long = np.concatenate([joints] * 5)
    given = {'first': joints, 'second': joints * 2, 'gesture': joints}
    names = given | {'other': joints, 'ten_minutes': long}
    for block in blocks:
        exec(block, names)
    assert names['features']['joint'].shape == (1, 8)
    assert names['found'].name in names['retriever'].index.names
    assert 0 <= names['match'].start < names['match'].end <= len(long)


def test_commands_run(page, folder, run_tool):
    commands = [
        line.removeprefix('python tools/').split('#')[0]
        for block in page('bash')
        for line in block.splitlines()
        if line.startswith('python tools/index.py')
    ]
    assert len(commands) == 7
    for command in commands:
        if '--approximate' in command:
            pytest.importorskip('faiss', reason='needs faiss-cpu: pip install "mmcmd[retrieval]"')
        tool, *arguments = shlex.split(command.replace('data/*.pkl', 'data/mine.pkl'))
        status, _, stderr = run_tool(tool, *arguments)
        assert status == 0, (command, stderr)
    assert len(MotionIndex.open('data/mine_index')) == 16

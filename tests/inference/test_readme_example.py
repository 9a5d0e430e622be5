"""The examples of the README and of the page for beginners run as they are written."""

import pickle
import re

import numpy as np
import pytest


@pytest.fixture
def example(root):
    """Return a function: page -> its only block of Python."""

    def example(page):
        [block] = re.findall(r'```python\n(.*?)```', (root / page).read_text(), re.DOTALL)
        return block

    return example


def test_readme_finds_neighbours_of_an_array(
    example, tmp_path, monkeypatch, encoder_file, tiny_pickle, capsys
):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'encoder.pth').write_bytes(encoder_file.read_bytes())
    (tmp_path / 'data/mine.pkl').write_bytes(tiny_pickle.read_bytes())
    sample = pickle.loads(tiny_pickle.read_bytes())['annotations'][3]
    np.save(tmp_path / 'wave.npy', sample['keypoint'])
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example('README.md'), names)
    lines = capsys.readouterr().out.splitlines()
    lines = [line for line in lines if not line.startswith('packing data/mine.pkl')]  # a log line
    assert len(lines) == 5
    assert lines[0].startswith(sample['frame_dir'])
    assert lines[0].endswith(' 0.000')


def test_beginners_get_a_vector_for_each_clip(example):
    names = {}
    exec(example('docs/start.md'), names)
    assert names['features'].shape == (4, 64)

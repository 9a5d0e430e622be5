import re

import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.synthetic import ACTIONS, LABEL, Plan, generate, record, simulate

SMALL = Plan(subjects=2, actions=6, replications=1)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('synthetic') / 'raw'
    assert generate(path, SMALL) == SMALL.size
    return path


def test_names_and_label(folder):
    names = {path.name for path in folder.glob('*.skeleton')}
    assert len(names) == SMALL.size == 2 * 6 * 3
    assert all(re.fullmatch(r'S\d{3}C\d{3}P\d{3}R\d{3}A\d{3}\.skeleton', name) for name in names)
    label = (folder / LABEL).read_text()
    assert label.startswith('SYNTHETIC DATA')
    assert 'seed: 0' in label
    assert all(action.name in label for action in ACTIONS[:6])


def test_jobs_do_not_matter_but_the_seed_does(folder, tmp_path):
    generate(tmp_path / 'jobs', SMALL, jobs=2)
    assert contents(tmp_path / 'jobs') == contents(folder)
    other = Plan(seed=1, subjects=1, actions=1, replications=1, cameras=(2,))
    generate(tmp_path / 'seed', other)
    name = 'S001C002P001R001A001.skeleton'
    assert (tmp_path / 'seed' / name).read_bytes() != (folder / name).read_bytes()


def test_a_sample_does_not_depend_on_the_others(folder, tmp_path):
    generate(tmp_path / 'one', Plan(subjects=1, actions=5, replications=1, cameras=(3,)))
    for path in (tmp_path / 'one').glob('*.skeleton'):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_whole_set_is_reused_and_interrupted_set_completed(tmp_path):
    plan = Plan(subjects=1, actions=2, replications=1)
    generate(tmp_path, plan)
    before = contents(tmp_path)
    assert generate(tmp_path, plan) == 0
    (tmp_path / 'S001C002P001R001A002.skeleton').unlink()
    assert generate(tmp_path, plan) == 1
    assert contents(tmp_path) == before


def test_other_contents_are_left_alone(folder, tmp_path):
    with pytest.raises(FileExistsError, match='other parameters'):
        generate(folder, Plan(seed=5))
    (tmp_path / 'thesis.tex').write_text('mine')
    with pytest.raises(FileExistsError, match='not empty'):
        generate(tmp_path, SMALL)


@pytest.mark.parametrize(
    'wrong', [{'actions': 99}, {'subjects': 0}, {'seed': -1}, {'cameras': (4,)}]
)
def test_bad_parameters(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Plan(**wrong)


def test_a_plain_parser_reads_every_file(folder):
    for path in folder.glob('*.skeleton'):
        data = path.read_bytes()
        assert data.count(b'\n') == data.count(b'\r\n')
        lines = iter(data.decode().split('\r\n'))
        bodies = []
        for _ in range(int(next(lines))):
            bodies.append(int(next(lines)))
            for _ in range(bodies[-1]):
                assert len(next(lines).split()) == 10
                joints = [next(lines).split() for _ in range(int(next(lines)))]
                assert np.array(joints, dtype=float).shape == (25, 12)
        assert list(lines) == ['']
        assert 40 <= len(bodies) <= 160


def test_file_holds_what_was_recorded(folder):
    performance, camera = (2, 1, 1), 2
    track = record(0, performance, simulate(0, performance), camera)[0]
    time = int(np.flatnonzero(track.present)[0])
    lines = (folder / 'S002C002P002R001A001.skeleton').read_text().splitlines()
    first = next(index for index, line in enumerate(lines) if len(line.split()) == 10)
    joints = np.array([line.split() for line in lines[first + 2 : first + 27]], dtype=float)
    np.testing.assert_allclose(joints[:, :3], track.joints[time], rtol=1e-5, atol=1e-6)

"""The simulation in every raw format. The tests of the converters read these formats."""

import runpy
import sys

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import convert
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import BANDAI2, KINECT_V1
from mmcmd.synthetic import FORMATS, LABEL, generate


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    """Return a folder of a small data set in each format."""
    root = tmp_path_factory.mktemp('formats')
    for fmt, form in FORMATS.items():
        plan = form.plan(subjects=2, actions=2, cameras=(1, 2))
        assert generate(root / fmt, plan, fmt=fmt) == form.count(plan)
    return root


def test_every_format_has_a_converter():
    assert FORMATS.keys() <= CONVERTERS.module_dict.keys()


@pytest.mark.parametrize('fmt', FORMATS)
def test_every_folder_says_that_it_is_synthetic(raw, fmt):
    label = (raw / fmt / LABEL).read_text()
    assert label.startswith('SYNTHETIC DATA')
    assert FORMATS[fmt].title in label.splitlines()[0]
    assert f'files: {len(contents(raw / fmt)) - 1}' in label


@pytest.mark.parametrize('fmt', FORMATS)
def test_files_are_a_function_of_the_plan(raw, tmp_path, fmt):
    plan = FORMATS[fmt].plan(subjects=2, actions=2, cameras=(1, 2))
    generate(tmp_path, plan, jobs=2, fmt=fmt)
    before = contents(tmp_path)
    assert before == contents(raw / fmt)
    lost = max(path for path in before if path != LABEL)
    (tmp_path / lost).unlink()
    assert generate(tmp_path, plan, fmt=fmt) == 1
    assert contents(tmp_path) == before


def test_published_names_and_folders_are_used(raw):
    assert set(contents(raw / 'nwucla')) >= {'all_sqe/a02_s02_e00_v02.json'}
    assert set(contents(raw / 'utdmhad')) >= {'Skeleton/a2_s2_t1_skeleton.mat'}
    assert set(contents(raw / 'msraction3d')) >= {
        'MSRAction3DSkeletonReal3D/a02_s02_e01_skeleton3D.txt'
    }
    assert set(contents(raw / 'utkinect')) == {
        *(LABEL, 'actionLabel.txt'),
        *(f'joints/joints_s0{subject}_e01.txt' for subject in '12'),
    }
    assert set(contents(raw / 'bandai2')) == {LABEL, 'bandai2.npz'}
    assert set(contents(raw / 'pkummd')) == {
        LABEL,
        *(f'Split/cross-{kind}.txt' for kind in ('subject', 'view')),
        *(f'{f}/000{s}-{v}.txt' for f in ('Skeleton', 'Label') for s in '12' for v in 'LM'),
    }


@pytest.mark.parametrize(
    ('fmt', 'wrong'),
    [
        ('nwucla', {'subjects': 11}),
        ('nwucla', {'actions': 11}),
        ('utdmhad', {'actions': 13}),
        ('bandai2', {'actions': 13}),
        ('msraction3d', {'subjects': 100}),
        ('utkinect', {'actions': 11}),
        ('pkummd', {'subjects': 100}),
    ],
)
def test_more_than_a_format_can_hold_is_told(tmp_path, fmt, wrong):
    with pytest.raises(InputError, match=f'{next(iter(wrong))} must lie in .* in the format of'):
        FORMATS[fmt].plan(**wrong)
    with pytest.raises(InputError, match='must lie in'):
        generate(tmp_path / 'raw', FORMATS['ntu'].plan(**wrong), fmt=fmt)
    assert not (tmp_path / 'raw').exists()


def test_unknown_format_is_told(tmp_path):
    with pytest.raises(
        InputError, match="unknown format 'kinetics'; formats are bandai2, msraction3d, ntu"
    ):
        generate(tmp_path / 'raw', fmt='kinetics')


def test_folder_of_another_format_is_left_alone(raw):
    plan = FORMATS['nwucla'].plan(subjects=2, actions=2, cameras=(1, 2))
    with pytest.raises(FileExistsError, match='other parameters'):
        generate(raw / 'ntu', plan, fmt='nwucla')


def test_pauses_between_the_actions_have_no_label(raw):
    frames = (raw / 'pkummd/Skeleton/0001-M.txt').read_text().splitlines()
    labels = np.loadtxt(raw / 'pkummd/Label/0001-M.txt', delimiter=',', dtype=int)
    assert sorted(labels[:, 0]) == [1, 2]
    assert labels[0, 1] >= 10
    assert labels[1, 1] - labels[0, 2] >= 10
    assert len(frames) - labels[1, 2] >= 10


def test_archive_of_a_labelled_folder_is_marked_and_stands_upright(raw, tmp_path):
    source = raw / 'bandai2/bandai2.npz'
    convert('bandai2', source, tmp_path / 'b.pkl', strict=True)
    data = load_annotations(tmp_path / 'b.pkl')
    assert data['synthetic'] is True
    assert str(source.parent) in (tmp_path / 'b.report.txt').read_text().splitlines()[0]
    assert {name: len(samples) for name, samples in data['split'].items()} == {
        'xstyle_train': 2,  # subject 1 is active, subject 2 elderly
        'xstyle_val': 2,
    }
    for sample in data['annotations']:
        body = sample['keypoint'][0]
        names = ('hips', 'neck', 'upper_arm_right', 'upper_arm_left')
        hips, neck, right, left = (body[:, BANDAI2.joints.index(name)] for name in names)
        assert (neck[:, 1] - hips[:, 1] > 0.2).all()
        assert (left[:, 0] - right[:, 0]).mean() > 0.1  # the performers of this rig face +z


def test_kinect_v1_bodies_are_whole(raw, tmp_path):
    convert('nwucla', raw / 'nwucla', tmp_path / 'n.pkl', strict=True)
    for sample in load_annotations(tmp_path / 'n.pkl')['annotations']:
        body = sample['keypoint'][0]
        assert body.any(axis=(1, 2)).all()
        for joint, parent in enumerate(KINECT_V1.parents):
            assert np.linalg.norm(body[:, joint] - body[:, parent], axis=-1).mean() < 0.6


def test_the_tool_writes_a_format_by_its_name(root, tmp_path, monkeypatch, capsys):
    tool = root / 'tools/data/make_synthetic.py'
    out = tmp_path / 'out'
    arguments = (out, '--format', 'utdmhad', '--subjects', 1, '--actions', 3, '--jobs', 1)
    for told in ('3 files written', 'reused'):
        monkeypatch.setattr(sys, 'argv', [str(tool), *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(tool), run_name='__main__')
        assert not caught.value.code
        assert told in capsys.readouterr().out

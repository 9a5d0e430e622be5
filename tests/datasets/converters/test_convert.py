"""Whole conversions: bad files are skipped and reported, output is deterministic or absent."""

import os
import pickle
import resource
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.annotations import reading as annotations
from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import NTUConverter, convert
from mmcmd.errors import InputError

GOOD = [f'S001C00{c}P00{p}R001A00{a}' for c in (1, 2) for p in (2, 3) for a in (1, 2)]


def folder_of(make_folder, **extra):
    return make_folder({f'{name}.skeleton': None for name in GOOD} | extra)


def test_bad_files_are_skipped_and_reported(tmp_path, make_folder):
    source = folder_of(
        make_folder, **{'S001C001P001R001A001.skeleton': '3\n1\n', 'x.skeleton': '1'}
    )
    summary = convert('ntu', source, tmp_path / 'new/folder/ntu.pkl')
    data = load_annotations(tmp_path / 'new/folder/ntu.pkl')
    assert [sample['frame_dir'] for sample in data['annotations']] == sorted(GOOD)
    assert data['layout'] == 'ntu'
    assert 'synthetic' not in data
    assert len(data['split']['xsub_train']) == 4
    assert len(data['split']['xview_val']) == 4
    report = (tmp_path / 'new/folder/ntu.report.txt').read_text()
    assert len(summary.skipped) == 2
    for line in (
        *('8 converted, 0 left out on purpose, 2 skipped', 'skipped (2)'),
        *('  xsub_train: 4', '  xset_train: 0', 'sequences per label (2)', '  0: 4'),
        *('sequences per subject (2)', '  2: 4'),
        *(f'  {reason}' for _, reason in summary.skipped),
    ):
        assert line in report.splitlines()
    assert 'truncated: 0 whole frames of 3' in report


@pytest.mark.parametrize('normalize', [False, True])
def test_output_does_not_depend_on_jobs(tmp_path, make_folder, normalize):
    bad = {'S001C001P001R001A001.skeleton': 'x'}
    # More files than a worker takes at a time, so that both workers get some.
    more = {f'b/S002C001P001R001A{a:03}.skeleton': None for a in range(1, 20)}
    source = folder_of(make_folder, **bad, **more)
    for jobs in (1, 2):
        summary = convert('ntu', source, tmp_path / f'{jobs}.pkl', jobs, normalize=normalize)
        assert len(summary.annotations) == len(GOOD) + 19
    assert (tmp_path / '1.pkl').read_bytes() == (tmp_path / '2.pkl').read_bytes()
    reports = [(tmp_path / f'{jobs}.report.txt').read_text().splitlines()[1:] for jobs in (1, 2)]
    assert reports[0] == reports[1]


def test_samples_that_were_normalised_before_are_those_normalised_on_the_way(
    tmp_path, make_folder, mmcmd_scope
):
    source, views = folder_of(make_folder), []
    for name, normalize in (('before', True), ('on the way', False)):
        convert('ntu', source, tmp_path / f'{name}.pkl', normalize=normalize)
        dataset = SkeletonDataset(tmp_path / f'{name}.pkl', [dict(type='NormalizeSkeleton')])
        views.append([dataset[index]['keypoint'] for index in range(len(GOOD))])
    np.testing.assert_array_equal(*views)
    before, raw = (load_annotations(tmp_path / f'{name}.pkl') for name in ('before', 'on the way'))
    assert before['normalized']
    assert 'the coordinates are normalised' in (tmp_path / 'before.report.txt').read_text()
    assert 'normalized' not in raw
    assert not np.array_equal(*(x['annotations'][0]['keypoint'] for x in (before, raw)))
    # Coordinates that are already normalised do not change.
    convert('pyskl', tmp_path / 'before.pkl', tmp_path / 'again.pkl', layout='ntu', normalize=True)
    again = load_annotations(tmp_path / 'again.pkl')['annotations']
    np.testing.assert_array_equal([x['keypoint'] for x in again], views[0])


def test_sample_that_overflows_when_normalised_is_skipped_and_not_all(tmp_path):
    keypoint = np.random.default_rng(0).normal(size=(2, 1, 3, 25, 3))
    keypoint[1, 0, 0, 0] = 1e300
    samples = [
        dict(frame_dir=name, label=0, keypoint=x, total_frames=3)
        for name, x in zip('ab', keypoint, strict=True)
    ]
    (tmp_path / 'theirs.pkl').write_bytes(pickle.dumps(samples, 4))
    options = dict(layout='ntu', normalize=True)
    summary = convert('pyskl', tmp_path / 'theirs.pkl', tmp_path / 'a.pkl', **options)
    assert [sample['frame_dir'] for sample in summary.annotations] == ['a']
    ((_, reason),) = summary.skipped
    assert 'holds NaN or infinity' in reason


def test_second_file_of_a_name_is_skipped(tmp_path, make_folder):
    source = make_folder({f'a/{GOOD[0]}.skeleton': None, f'b/{GOOD[0]}.skeleton': None})
    summary = convert('ntu', source, tmp_path / 'a.pkl')
    assert len(summary.annotations) == 1
    ((name, reason),) = summary.skipped
    assert name.endswith(f'b/{GOOD[0]}.skeleton')
    assert f'same sample name as {source}/a/' in reason


def test_synthetic_data_says_so(tmp_path, make_folder):
    source = folder_of(make_folder, **{'SYNTHETIC.txt': 'simulated'})
    convert('ntu', source, tmp_path / 'a.pkl')
    assert load_annotations(tmp_path / 'a.pkl')['synthetic'] is True
    assert (tmp_path / 'a.report.txt').read_text().startswith('SYNTHETIC data')


def test_strict_fails_after_writing_but_not_for_what_is_left_out(tmp_path, make_folder):
    source = folder_of(make_folder)
    missing = tmp_path / 'missing.txt'
    missing.write_text(GOOD[0])
    summary = convert('ntu', source, tmp_path / 'a.pkl', strict=True, missing=missing)
    assert len(summary.left_out) == 1
    assert 'left out on purpose (1)' in (tmp_path / 'a.report.txt').read_text()
    (source / 'x.skeleton').write_text('')
    with pytest.raises(
        InputError, match=r'1 of 9 items were skipped, see .*b\.report\.txt; the first: .'
    ):
        convert('ntu', source, tmp_path / 'b.pkl', strict=True)
    assert len(load_annotations(tmp_path / 'b.pkl')['annotations']) == 8


def test_nothing_converted_leaves_a_report_and_no_pickle(tmp_path, make_folder):
    source = make_folder({'x.skeleton': '', 'y.skeleton': ''})
    with pytest.raises(InputError, match=r'nothing in .* \(2 items, see .*\); the first: .*x'):
        convert('ntu', source, tmp_path / 'out/a.pkl')
    assert os.listdir(tmp_path / 'out') == ['a.report.txt']
    assert 'y.skeleton' in (tmp_path / 'out/a.report.txt').read_text()


def test_wrong_sources_and_arguments_end_in_one_sentence(tmp_path, make_folder):
    source, out = folder_of(make_folder), tmp_path / 'a.pkl'
    (tmp_path / 'bare').mkdir()
    file = source / f'{GOOD[0]}.skeleton'
    for arguments, options, message in (
        (('imagenet', source, out), {}, "unknown format 'imagenet'; formats are agcn, bandai2"),
        (('nw-ucla', source, out), {}, "'nw-ucla' (did you mean 'nwucla'?)"),
        (('ntu', tmp_path / 'no', out), {}, 'does not exist'),
        (('ntu', file, out), {}, 'is a file, expected a folder'),
        (('ntu', tmp_path / 'bare', out), {}, 'there is no .skeleton file in'),
        (('ntu', source, tmp_path / 'bare'), {}, 'is a folder, expected the name of a file'),
        (('ntu', source, out), {'jobs': 0}, 'jobs must be at least 1'),
        (('bandai2', source, out), {'missing': 'x'}, "bandai2 takes no option 'missing'"),
    ):
        with pytest.raises(InputError) as caught:
            convert(*arguments, **options)
        assert message in str(caught.value)
        assert '\n' not in str(caught.value)
    assert not out.exists()


class Canary:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize(
    ('fmt', 'key', 'options'),
    [
        ('npz', 'keypoint', {'layout': 'ntu'}),
        ('npz', 'total_frames', {'layout': 'ntu'}),
        ('bandai2', 'keypoint', {}),
        ('bandai2', 'frame_dir', {}),
        ('ctrgcn', 'x_train', {'split': 'xsub'}),
    ],
)
def test_archive_of_objects_is_refused_before_they_are_made(tmp_path, fmt, key, options):
    mark = tmp_path / 'ran'
    arrays = dict(keypoint=np.ones((1, 21, 3)), total_frames=np.ones(1, int), label=np.ones(1, int))
    arrays |= dict(style=np.ones(1, int), frame_dir=np.array(['a']))
    evil = {**arrays, key: np.array([Canary(mark)], object)}
    np.savez(tmp_path / 'evil.npz', **evil)
    with pytest.raises(InputError, match=rf'evil\.npz: {key} is not a whole plain array'):
        convert(fmt, tmp_path / 'evil.npz', tmp_path / 'a.pkl', **options)
    assert not mark.exists()
    np.load(tmp_path / 'evil.npz', allow_pickle=True)[key]
    assert mark.exists(), 'the canary sings where it may'


@pytest.mark.parametrize('name', ['../../evil', '/tmp/evil', '..', 'a\0b', 'a/b', 'C:\\x', '~'])
def test_names_of_samples_write_nothing_elsewhere(tmp_path, name):
    keypoint = np.ones((2, 25, 3), np.float32)
    named = dict(frame_dir=np.array([name, 'good']), split=np.array(['../train', '/val']))
    labels = np.array(['../../walk', '/run'])
    members = dict(keypoint=keypoint, total_frames=np.array([1, 1]), label=labels, **named)
    (tmp_path / 'in').mkdir()
    np.savez(tmp_path / 'in/mine.npz', **members)
    with zipfile.ZipFile(tmp_path / 'in/mine.npz', 'a') as archive:
        archive.writestr('../evil.npy', b'')
        archive.writestr('/tmp/evil.npy', b'')
    before = {*tmp_path.rglob('*'), *tmp_path.parent.iterdir()}
    summary = convert('npz', tmp_path / 'in/mine.npz', tmp_path / 'out/a.pkl', layout='ntu')
    written = {*tmp_path.rglob('*'), *tmp_path.parent.iterdir()} - before
    assert written == {tmp_path / 'out', *(tmp_path / 'out').iterdir()}
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'a.pkl', 'a.report.txt'}
    kept = [sample['frame_dir'] for sample in summary.annotations]
    assert kept == ['good'] if '\0' in name else sorted([name, 'good'])


def test_text_of_numpy_and_values_of_any_kind_survive(tmp_path):
    keypoint = np.ones((1, 2, 25, 3), np.float32)
    samples = [
        dict(frame_dir=np.str_(name), label=0, keypoint=keypoint, total_frames=2, subject=subject)
        for name, subject in (('a', 3), ('b', 'ann'), ('c', [1]))
    ]
    samples[0][7] = 'a key that is no text'
    (tmp_path / 'theirs.pkl').write_bytes(pickle.dumps(samples, 4))
    summary = convert('pyskl', tmp_path / 'theirs.pkl', tmp_path / 'a.pkl')
    assert [type(sample['frame_dir']) for sample in summary.annotations] == [str] * 3
    assert '  3: 1\n  ann: 1\n' in (tmp_path / 'a.report.txt').read_text()


def test_interruption_leaves_no_half_file(tmp_path, make_folder, monkeypatch):
    source = folder_of(make_folder)

    def stop(data, file, protocol):
        file.write(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(annotations.pickle, 'dump', stop)
    with pytest.raises(KeyboardInterrupt):
        convert('ntu', source, tmp_path / 'out/a.pkl')
    assert not os.listdir(tmp_path / 'out')


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def allow_no_file():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    ('fault', 'sentence'),
    [
        (die, 'a worker process died'),
        (allow_no_file, 'no file can be written to .*out: .*too large'),
    ],
)
def test_fault_of_a_worker_is_one_sentence_and_leaves_nothing(
    tmp_path, make_folder, monkeypatch, fault, sentence
):
    source, read = folder_of(make_folder), NTUConverter.read
    # Workers are forked, so they have the patch too.
    monkeypatch.setattr(NTUConverter, 'read', lambda *args: fault() or read(*args))
    with pytest.raises(InputError, match=sentence):
        convert('ntu', source, tmp_path / 'out/a.pkl', jobs=2)
    assert not os.listdir(tmp_path / 'out')


def test_keypoints_survive_the_way_to_the_pickle(tmp_path, make_folder, make_text):
    body = np.random.default_rng(0).normal(size=(25, 3)).astype(np.float32)
    source = make_folder({f'{GOOD[0]}.skeleton': make_text([[body]], number='{:.9g}')})
    convert('ntu', source, tmp_path / 'out/a.pkl', jobs=2)
    assert sorted(os.listdir(tmp_path / 'out')) == ['a.pkl', 'a.report.txt']
    (sample,) = load_annotations(tmp_path / 'out/a.pkl')['annotations']
    np.testing.assert_array_equal(sample['keypoint'], body[None, None])

"""Our methods and transforms against recordings of the authors' code, and the harness itself."""

import shutil

import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.models import SkeletonClassifier
from tests.golden import contrast, harness, transforms
from tests.golden.linear import compare_linear
from tests.golden.recordings import Recording
from tests.golden.report import (
    Report,
    absolute,
    absolute_or_relative,
    different,
    relative,
    relative_to_largest,
)
from tests.golden.training import build

METHODS = ('skeletonclr', 'crossclr', 'crossclr_2s', 'aimclr', 'frame50')
FULL = {'losses', 'gradient norms', 'states', 'features'}
CLR = FULL | {'graph', 'logits', 'queues'}
# What a recording must compare: a comparison that is left out would not be noticed otherwise.
KINDS = {
    'cmd': FULL,
    'pipeline': {'preprocessing', 'crops', 'crop not ours'},
    'skeletonclr': CLR | {'linear'},
    'crossclr': CLR | {'linear', 'masks', 'variants'},
    'crossclr_2s': CLR | {'masks'},
    'aimclr': CLR | {'masks', 'variants', 'embeddings', 'drop'},
    'frame50': {'transforms', 'dtype kept', 'valid frames', 'preprocessing'},
}


@pytest.fixture
def recording(shared):
    """Return a function: name -> recording of the shared set."""

    def find(name):
        folder = shared / 'golden' / ('methods' if name in METHODS else '')
        (found,), _ = harness.load(folder, [name])
        return found

    return find


@pytest.mark.parametrize('name', harness.RUNNERS)
def test_ours_does_what_the_authors_code_does(recording, name):
    report = harness.RUNNERS[name](recording(name))
    assert report.broken() == [], '\n'.join(report.lines(name))
    assert set(report.worst) == KINDS[name]


@pytest.mark.parametrize(
    ('name', 'options', 'broken'),
    [
        ('skeletonclr', {'temperature': 0.08}, {'losses', 'logits', 'states', 'linear'}),
        ('skeletonclr', {'momentum': 0.2}, {'losses', 'queues', 'states'}),
        ('crossclr_2s', {'cross_keys': None}, {'losses', 'queues', 'states'}),
        ('crossclr_2s', {'topk': 2}, {'losses', 'masks'}),
        ('crossclr_2s', {'context': False}, {'losses', 'logits', 'masks'}),
        ('crossclr_2s', {'cross_epoch': 2}, {'losses', 'masks'}),
        ('aimclr', {'topk': 2}, {'losses', 'masks'}),
        ('aimclr', {'keep': 0.75}, {'losses', 'drop', 'embeddings'}),
        ('aimclr', {'mining_epoch': 0}, {'losses'}),
        ('cmd', {'teacher_temperature': 0.06}, {'losses', 'states'}),
        ('cmd', {'topk': 16}, {'losses', 'states'}),
    ],
)
def test_a_wrong_option_breaks_bounds(recording, name, options, broken):
    report = harness.RUNNERS[name](recording(name), **options)
    assert broken <= set(report.broken())


def test_a_wrong_transform_breaks_a_bound(recording, monkeypatch):
    monkeypatch.setattr(transforms, 'rotate', lambda x, degrees: x)
    monkeypatch.setattr(transforms, 'count_valid_frames', lambda x: x.shape[1])
    report = harness.RUNNERS['frame50'](recording('frame50'))
    assert set(report.broken()) == {'transforms', 'valid frames'}
    monkeypatch.setattr(transforms, 'normalize_skeleton', lambda x, layout: x)
    assert harness.RUNNERS['pipeline'](recording('pipeline')).broken() == ['preprocessing']


def test_a_wrong_linear_evaluation_breaks_a_bound(recording, monkeypatch):
    found = recording('crossclr')
    model, _ = build(found, 'crossclr', 'CrosSCLR', 'joint')
    model.load_state_dict(found.state('final', 'crossclr'))
    reports = Report(contrast.BOUNDS), Report(contrast.BOUNDS)
    compare_linear(reports[0], found, model, 0)
    assert reports[0].broken() == []
    # Each classifier has a loss of its own, where CrosSCLR's have one on the mean of the scores.
    loss = SkeletonClassifier.loss

    def apart(classifier, *args):
        classifier.joint_loss = False
        return loss(classifier, *args)

    monkeypatch.setattr(SkeletonClassifier, 'loss', apart)
    compare_linear(reports[1], found, model, 0)
    assert reports[1].broken() == ['linear']
    assert reports[1].where['linear'].startswith('linear/all/')


def test_other_numbers_of_steps_and_samples_are_run(recording, tmp_path):
    found = recording('skeletonclr')
    per_step = ('steps', 'losses', 'grad_norms', 'logits', 'queue', 'queue_ptr')
    arrays = {x: y[:2] if x in per_step else y for x, y in found.arrays.items()}
    del arrays['labels']
    arrays = {x: y for x, y in arrays.items() if not x.startswith('linear/')}
    np.savez(tmp_path / 'skeletonclr_short_train.npz', **arrays)
    for moment in ('init', 'final'):
        source = found.path.with_name(f'skeletonclr_{moment}.pth.tar')
        shutil.copyfile(source, tmp_path / f'skeletonclr_short_{moment}.pth.tar')
    (short,), _ = harness.load(tmp_path)
    report = harness.runner_of(short.name)(short)
    # After two steps the state is not the final one, which four steps made.
    assert set(report.broken()) == {'states', 'features'}
    assert report.compared['losses'] == 2


def test_printed_table_and_exit_status(recording, capsys, monkeypatch):
    folder = recording('frame50').path.parent
    assert harness.main(folder, ['frame50']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [
        ['frame50', 'transforms'],
        ['frame50', 'dtype'],
    ]
    assert lines[-1] == 'broken bounds: none'
    monkeypatch.setattr(transforms, 'mask_axis', lambda x, axis: x)
    assert harness.main(folder, ['frame50']) == 1
    out = capsys.readouterr().out
    assert 'BROKEN' in out
    assert out.endswith('broken bounds: frame50 transforms\n')


def write(folder, *names):
    for name in names:
        np.savez(folder / f'{name}.npz', input=np.zeros(1))
    return folder


def test_what_no_method_can_run_is_skipped(tmp_path):
    write(tmp_path, 'isc_train', 'isc_hcn_train', 'ascal_train', 'ascal_transforms', 'aimclr_train')
    recordings, skipped = harness.load(tmp_path)
    assert [x.name for x in recordings] == ['aimclr']
    assert skipped == ['ascal_train', 'ascal_transforms', 'isc_hcn_train', 'isc_train']


@pytest.mark.parametrize(
    ('files', 'names', 'message'),
    [
        ([], [], 'holds no recordings'),
        (['isc_train'], [], 'holds recordings, but none of cmd, '),
        (['cmd_train'], ['simclr'], "no method of this package runs recordings of 'simclr'"),
        (['cmd_train', 'isc_train'], ['isc'], "no method of this package runs recordings of 'isc'"),
        (['cmd_train'], ['aimclr'], 'has no recording of aimclr; .* it has cmd$'),
    ],
)
def test_what_cannot_be_run_is_told(tmp_path, files, names, message):
    with pytest.raises(InputError, match=message):
        harness.load(write(tmp_path, *files), names)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('frame50_transforms', "has no array 'noise/noise'"),
        ('skeletonclr_train', "does not say 'key_momentum_kept'"),
        ('cmd_train', 'needs cmd_init.pth.tar beside it'),
    ],
)
def test_recording_that_lacks_something_is_told(tmp_path, name, message):
    np.savez(tmp_path / f'{name}.npz', input=np.zeros((1, 2, 3, 3)))
    (found,), _ = harness.load(tmp_path)
    with pytest.raises(InputError, match=message):
        harness.runner_of(found.name)(found)


def test_damaged_recording_is_told(tmp_path):
    (tmp_path / 'cmd_train.npz').write_bytes(b'no arrays')
    with pytest.raises(InputError, match=r'cmd_train\.npz is no readable file'):
        Recording(tmp_path / 'cmd_train.npz')['steps']


@pytest.mark.parametrize('found', [[1.0, np.nan], [1.0, np.inf], [1.0], [1.0, 2.1]])
@pytest.mark.parametrize(
    'measure',
    [absolute, absolute_or_relative, relative, relative_to_largest, different],
)
def test_every_measure_tells_what_differs(found, measure):
    report = Report({'x': (1e-3, measure)})
    report.add('x', 'good', [1.0, 2.0], [1.0, 2.0])
    assert report.broken() == []
    report.add('x', 'bad', found, [1.0, 2.0])
    report.add('x', 'good', [1.0, 2.0], [1.0, 2.0])
    assert report.broken() == ['x']
    assert 'BROKEN' in report.lines('name')[0]
    assert report.lines('name')[0].endswith('bad')

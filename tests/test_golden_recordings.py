"""Our methods and transforms against recordings of the authors' code."""

import shutil

import numpy as np
import pytest

from mmcmd.models import SkeletonClassifier
from tests.golden import contrast, harness, transforms
from tests.golden.linear import compare_linear
from tests.golden.report import Report
from tests.golden.training import build

METHODS = (
    *('skeletonclr', 'crossclr', 'crossclr_2s', 'aimclr', 'frame50'),
    *('ascal', 'ascal_transforms', 'ms2l', 'ms2l_transforms'),
    *('pc', 'pc_transforms'),
)
FULL = {'losses', 'gradient norms', 'states', 'features'}
CLR = FULL | {'graph', 'logits', 'queues'}
# What the recordings of the shared set hold.
KINDS = {
    'cmd': FULL,
    'pipeline': {'preprocessing', 'crops', 'crop not ours'},
    'skeletonclr': CLR | {'linear', 'linear losses'},
    'crossclr': CLR | {'linear', 'linear losses', 'masks', 'variants'},
    'crossclr_2s': CLR | {'masks'},
    'aimclr': CLR | {'masks', 'variants', 'embeddings', 'drop'},
    'frame50': {'transforms', 'dtype kept', 'valid frames', 'preprocessing'},
    'ascal': FULL | {'logits', 'queue start'},
    'ascal_transforms': {'transforms'},
    'ms2l': FULL | {'accuracy', 'states behind a BatchNorm'},
    'ms2l_transforms': {'transforms', 'orders'},
    'pc': FULL | {'frozen', 'predictions', 'autoencoder'},
    'pc_transforms': {'valid frames', 'preprocessing'},
}


@pytest.fixture
def recording(shared):
    """Return a function: name -> recording of the shared set."""

    def find(name):
        folder = shared / 'golden' / ('methods' if name in METHODS else '')
        found, _ = harness.load(folder, [name])
        return found[0]

    return find


@pytest.mark.parametrize('name', harness.RUNNERS)
def test_ours_does_what_the_authors_code_does(recording, name):
    report = harness.RUNNERS[name](recording(name))
    assert report.broken() == [], '\n'.join(report.lines(name))
    assert set(report.compared) == set(report.required) == KINDS[name]


@pytest.mark.parametrize(
    ('name', 'options', 'broken'),
    [
        ('skeletonclr', {'temperature': 0.08}, {'losses', 'logits', 'states', 'linear'}),
        ('skeletonclr', {'momentum': 0.2}, {'losses', 'queues', 'states'}),
        ('crossclr_2s', {'cross_keys': None}, {'losses', 'queues', 'states'}),
        ('crossclr_2s', {'topk': 2}, {'losses', 'masks'}),
        ('crossclr_2s', {'context': False}, {'losses', 'logits', 'masks'}),
        ('crossclr_2s', {'cross_epoch': 2}, {'losses', 'masks'}),
        ('crossclr_2s', {'cross_epoch': 0}, {'losses', 'masks'}),
        ('crossclr', {'cross_epoch': 2}, {'losses', 'masks', 'variants'}),
        ('aimclr', {'topk': 2}, {'losses', 'masks'}),
        ('aimclr', {'keep': 0.75}, {'losses', 'drop', 'embeddings'}),
        ('aimclr', {'mining_epoch': 0}, {'losses', 'masks'}),
        ('aimclr', {'mining_epoch': 2}, {'losses', 'masks', 'variants'}),
        ('cmd', {'teacher_temperature': 0.06}, {'losses', 'states'}),
        ('cmd', {'topk': 16}, {'losses', 'states'}),
        ('ascal', {'momentum': 0.02}, {'losses', 'states'}),
        ('ascal', {'fill_epochs': 0}, {'losses', 'gradient norms', 'states', 'features'}),
        ('ascal', {'pooling': None}, {'losses', 'features'}),
        ('ms2l', {'clip_by': 'stream'}, {'states', 'features'}),
        ('ms2l', {'temperature': 0.8}, {'losses', 'states'}),
        ('pc', {'inputs': 'teacher'}, {'losses', 'states', 'features', 'predictions'}),
        ('pc', {'frozen': False}, {'losses', 'states', 'features'}),
        ('ms2l', {'visible': 0.8}, {'losses', 'states'}),
        ('ms2l', {'pooling': {'type': 'GraphPooling'}}, {'losses', 'features'}),
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
    assert set(reports[1].broken()) == {'linear', 'linear losses'}
    assert reports[1].where['linear'].startswith('linear/all/')


PER_STEP = (
    *('steps', 'losses', 'grad_norms', 'logits', 'queue', 'queue_ptr'),
    *('mining', 'cross'),
)


@pytest.fixture
def shortened(recording, tmp_path):
    """Return a function: name, number of steps, arrays to replace -> a shorter recording."""

    def shorten(name, steps, **others):
        found = recording(name)
        arrays = {x: y[:steps] if x in PER_STEP else y for x, y in found.arrays.items()}
        arrays.pop('labels', None)
        arrays = {x: y for x, y in arrays.items() if not x.startswith('linear/')}
        np.savez(tmp_path / f'{name}_short_train.npz', **arrays | others)
        for moment in ('init', 'final'):
            source = found.path.with_name(f'{name}_{moment}.pth.tar')
            if source.is_file():
                shutil.copyfile(source, tmp_path / f'{name}_short_{moment}.pth.tar')
        (short,), _ = harness.load(tmp_path)
        return short

    return shorten


@pytest.mark.parametrize('name', ['cmd', 'skeletonclr', 'crossclr_2s', 'aimclr'])
def test_training_without_steps_breaks_bounds(shortened, name):
    report = harness.RUNNERS[name](shortened(name, 0))
    assert {'losses', 'gradient norms', 'features'} <= set(report.broken())
    lines = report.lines(name)
    assert any('losses' in x and 'BROKEN' in x and 'never compared' in x for x in lines)


def test_step_without_recorded_losses_breaks_a_bound(shortened):
    losses = np.load(shortened('cmd', 4).path)['losses']
    report = harness.RUNNERS['cmd'](shortened('cmd', 4, losses=losses[:3]))
    assert 'losses' in report.broken()
    assert report.where['losses'] == 'number of steps: 4 instead of 3'


def test_recorded_evaluation_that_never_ran_breaks_a_bound(shortened):
    # In the two warm steps nothing is mined, so the recorded variants have no step to run at.
    report = harness.RUNNERS['aimclr'](shortened('aimclr', 2))
    assert {'states', 'features', 'variants'} == set(report.broken())


def test_draws_that_are_missing_break_a_bound(recording):
    found = recording('frame50')
    found.arrays['crop/start'] = found.arrays['crop/start'][:0]
    found.arrays['crop/output'] = found.arrays['crop/output'][:0]
    report = harness.RUNNERS['frame50'](found)
    assert report.broken() == ['transforms', 'dtype kept']
    assert report.where['transforms'] == 'crop'


def test_preprocessing_without_sequences_breaks_bounds(recording):
    found = recording('pipeline')
    for name in ('num_frames', 'raw', 'normalised', 'centre_crop', 'crop_records', 'crops'):
        found.arrays[name] = found.arrays[name][:0]
    report = harness.RUNNERS['pipeline'](found)
    assert report.broken() == ['preprocessing', 'crops', 'crop not ours']


def test_other_numbers_of_steps_and_samples_are_run(shortened):
    short = shortened('skeletonclr', 2)
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

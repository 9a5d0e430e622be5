"""Our methods and transforms give the same as recordings of the authors' code."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from mmcmd.models import SkeletonClassifier
from mmcmd.models.pretrainers import pcm3
from tests.golden import contrast, harness, transforms
from tests.golden.linear import compare_linear
from tests.golden.precision import PRECISIONS
from tests.golden.report import Report
from tests.golden.training import build

PCM3 = ('pcm3', 'pcm3_noprompt_bone', 'pcm3_transforms')
METHODS = (
    *('skeletonclr', 'crossclr', 'crossclr_2s', 'aimclr', 'isc', 'isc_hcn', 'frame50', *PCM3),
    *('ascal', 'ascal_transforms', 'ms2l', 'ms2l_transforms'),
    *('pc', 'pc_transforms'),
    *('mamp', 'mamp_eval', 'mamp_pipeline', 'skeletonmae', 'stars', 'usdrl_dste', 'usdrl_sttr'),
    *('slim', 'slim_pipeline', 'slim_masks'),
)
FULL = {'losses', 'gradient norms', 'states', 'features'}
CLR = FULL | {'graph', 'logits', 'queues'}
# Kinds of quantities in the recordings of the shared folder.
KINDS = {
    'cmd': FULL,
    'pipeline': {'preprocessing', 'crops', 'crop not ours'},
    'skeletonclr': CLR | {'linear', 'linear losses'},
    'crossclr': CLR | {'linear', 'linear losses', 'masks', 'variants'},
    'crossclr_2s': CLR | {'masks'},
    'aimclr': CLR | {'masks', 'variants', 'embeddings', 'drop'},
    'isc': FULL | {'logits', 'queues', 'embeddings'},
    'isc_hcn': {'losses', 'gradient norms', 'embeddings', 'features'},
    'pcm3': FULL | {'no gradient', 'logits', 'prediction'},
    'pcm3_noprompt_bone': FULL | {'no gradient', 'logits', 'prediction'},
    'pcm3_transforms': {'mixing', 'masks', 'transforms', 'modalities'},
    'frame50': {'transforms', 'dtype kept', 'valid frames', 'preprocessing'},
    'ascal': FULL | {'logits', 'queue start'},
    'ascal_transforms': {'transforms'},
    'ms2l': FULL | {'accuracy', 'states behind a BatchNorm'},
    'ms2l_transforms': {'transforms', 'orders'},
    'mamp': FULL | {'masks', 'schedule', 'parameter groups', 'prediction'},
    'mamp_eval': {'losses', 'schedule', 'parameter groups', 'states', 'scores'},
    'mamp_pipeline': {'valid frames', 'preprocessing', 'crops', 'transforms'},
    'skeletonmae': FULL | {'masks', 'schedule', 'parameter groups', 'prediction'},
    'slim': FULL | {'terms', 'assignments', 'schedule', 'parameter groups'},
    'slim_pipeline': {'valid frames', 'frames', 'clips', 'transforms'},
    'slim_masks': {'frequencies', 'masked share', 'incomplete masks'},
    'stars': FULL | {'neighbours', 'parameter groups', 'embeddings'},
    'usdrl_dste': FULL | {'terms', 'projections', 'tokens'},
    'usdrl_sttr': FULL | {'terms', 'projections', 'tokens'},
    'pc': FULL | {'frozen', 'predictions', 'autoencoder'},
    'pc_transforms': {'valid frames', 'preprocessing'},
}


@pytest.fixture
def recording(shared):
    """Return a function: name -> recording of the shared folder."""

    def find(name, precision=PRECISIONS['float64']):
        folder = shared / 'golden' / ('methods' if name in METHODS else '')
        # the training comes before the transforms
        (found, *_), _ = harness.load(folder, [name], precision)
        return found

    return find


@pytest.mark.parametrize('name', harness.RUNNERS)
def test_ours_does_what_the_authors_code_does(recording, name):
    report = harness.RUNNERS[name](recording(name))
    assert report.broken() == [], '\n'.join(report.lines(name))
    assert set(report.compared) == set(report.required) == KINDS[name]


@pytest.mark.parametrize('precision', ['float32', 'tf32', 'float16', 'bfloat16'])
@pytest.mark.parametrize('name', [x for x in harness.RUNNERS if 'losses' in KINDS[x]])
def test_other_number_formats_keep_their_bounds(recording, name, precision, device):
    if device == 'cpu' and precision in ('tf32', 'float16'):
        pytest.skip('a CPU has no TF32, and its float16 is slow')
    if name == 'ascal' and precision == 'float16':
        pytest.skip('the method refuses float16 in the epoch that fills its queue')
    precision = replace(PRECISIONS[precision], device=device)
    report = harness.run(recording(name, precision))
    assert report.broken() == [], '\n'.join(report.lines(name))
    first = {kind: report.first[kind] for kind in ('losses', 'queues') if kind in report.first}
    assert max(first.values()) <= precision.first, first


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
        ('isc', {'momentum': 0.2}, {'losses', 'queues', 'embeddings', 'states'}),
        ('isc', {'temperature': 0.08}, {'losses', 'logits', 'states'}),
        ('isc_hcn', {'dropout': 0.1}, {'losses', 'embeddings', 'features'}),
        ('pcm3', {'teacher_temperature': 0.06}, {'losses', 'states', 'gradient norms'}),
        ('pcm3', {'student_temperature': 0.11}, {'losses', 'states', 'gradient norms'}),
        ('pcm3', {'mse_weight': 44}, {'losses', 'gradient norms'}),
        ('pcm3', {'momentum': 0.02}, {'losses', 'states'}),
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
        ('mamp', {'masking': {'tau': 0.9}}, {'masks', 'losses', 'gradient norms', 'states'}),
        ('mamp', {'target': {'stride': 2}}, {'losses', 'gradient norms', 'states'}),
        ('mamp', {'target': {'normalize': False}}, {'losses', 'gradient norms', 'states'}),
        ('skeletonmae', {'masking': {'ratio': 0.8}}, {'masks', 'losses', 'states'}),
        ('stars', {'both_gradients': True}, {'gradient norms', 'states'}),
        ('usdrl_dste', {'weights': (5, 1, 0.01)}, {'losses', 'gradient norms', 'states'}),
        ('usdrl_sttr', {'half_weight': 1.0}, {'losses', 'terms', 'gradient norms', 'states'}),
        ('slim', {'momentum': 0.05}, {'schedule', 'states'}),
        ('slim', {'student_temperature': 0.11}, {'losses', 'terms', 'states'}),
        ('slim', {'koleo_weight': 0.2}, {'losses', 'terms', 'gradient norms'}),
        ('slim', {'temperature_warmup': 0.2}, {'schedule', 'losses'}),
        ('stars', {'temperature': 0.08}, {'losses', 'states'}),
        ('mamp_eval', {'layer_decay': 0.7}, {'parameter groups', 'states'}),
        ('ms2l', {'pooling': {'type': 'GraphPooling'}}, {'losses', 'features'}),
    ],
)
def test_a_wrong_option_breaks_bounds(recording, name, options, broken):
    report = harness.RUNNERS[name](recording(name), **options)
    assert broken <= set(report.broken())


def test_prompts_that_cannot_learn_change_no_loss(recording):
    found = recording('pcm3')
    report = harness.RUNNERS['pcm3'](found, idle_prompts=False)
    # The states are missing, and running means of the encoder's input come from them.
    assert set(report.broken()) == {'states', 'features'}
    assert report.worst['losses'] < 1e-5


@pytest.mark.parametrize(
    ('wrong', 'broken'),
    [
        ({'mix_keys': lambda keys, mix: keys}, 'losses'),
        ({'masked_mse': lambda *args: (args[0] - args[1]).square().mean()}, 'losses'),
        ({'first_person_alone': lambda kept, n: kept.expand(n, *kept.shape)[..., None]}, 'losses'),
        ({'mix_samples': lambda samples, mix: samples}, 'logits'),
    ],
    ids=['key not mixed', 'error of all joints', 'both persons masked', 'not mixed'],
)
def test_a_wrong_part_of_pcm3_breaks_a_bound(recording, monkeypatch, wrong, broken):
    for name, function in wrong.items():
        monkeypatch.setattr(pcm3, name, function)
    assert broken in harness.RUNNERS['pcm3'](recording('pcm3')).broken()


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
    # Each classifier has its own loss. In CrosSCLR, one loss uses the mean of the scores.
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


@pytest.mark.parametrize('name', ['cmd', 'skeletonclr', 'crossclr_2s', 'aimclr', 'isc'])
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
    # The first two steps have no mining, so there is no step for the recorded variants.
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
    # After two steps, the state differs from the recorded one after four steps.
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

"""A run that is interrupted anywhere and resumed equals an uninterrupted run bit for bit."""

import json
import os
import random
import runpy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmcmd.datasets import SkeletonDataset
from mmcmd.engine.hooks import safe_checkpoint_hook
from mmcmd.engine.hooks.safe_checkpoint_hook import find_whole_checkpoint, is_whole
from mmcmd.errors import InputError
from mmcmd.io.files import AtomicBackend

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
EPOCHS, ITERATIONS = 3, 3  # iterations of an epoch
DEFAULT_SAMPLER = {'_delete_': True, 'type': 'DefaultSampler', 'shuffle': True}


class CutOffError(Exception):
    """Replaces SIGKILL, which the drill in tests/faults sends."""


class CutOffHook(Hook):
    """Interrupts the run at a stage of an iteration or epoch, without notice to the training."""

    def __init__(self, stage, number):
        self.stage, self.number = stage, number

    def _at(self, stage, number):
        if (stage, number) == (self.stage, self.number):
            raise CutOffError

    def before_train_iter(self, runner, **kwargs):
        self._at('before_train_iter', runner.iter)

    def after_train_epoch(self, runner):
        self._at('after_train_epoch', runner.epoch)

    def after_val_iter(self, runner, **kwargs):
        self._at('after_val_iter', runner.epoch)


class NoiseHook(Hook):
    """Draws from every global generator, like dropout or other code, and shifts a weight."""

    def before_train_iter(self, runner, **kwargs):
        noise = random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        with torch.no_grad():
            next(x for x in runner.model.parameters() if x.requires_grad).add_(noise / 1000)


@pytest.fixture(scope='module', autouse=True)
def plain_config():
    """Skip the formatting of the config, which takes most of mmengine's time for a checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', 'the config')
        yield


@pytest.fixture(scope='module')
def differing(root):
    """Return a function: two work dirs -> differences in the final checkpoint or results."""
    differences = runpy.run_path(str(root / 'tests/faults/kill_and_resume.py'))['differences']

    def state(folder):
        last = (folder / 'last_checkpoint').read_text()
        best = sorted(path.name for path in folder.glob('best_*.pth'))
        return {
            'last': [Path(last).name, torch.load(last, weights_only=True)],
            'best': [(name, torch.load(folder / name, weights_only=True)) for name in best],
            'results': json.loads((folder / 'results.json').read_text()),
        }

    return lambda first, second: list(differences(state(first), state(second)))


@pytest.fixture(scope='module')
def options(tiny_options):
    schedulers = [
        {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'begin': 0, 'end': 7},
        {'type': 'MultiStepLR', 'milestones': [1, 2], 'gamma': 0.5, 'by_epoch': True},
    ]
    return tiny_options | {'train_cfg.max_epochs': EPOCHS, 'param_scheduler': schedulers}


BY_ITERATION = {
    'default_hooks.checkpoint.by_epoch': False,
    'default_hooks.checkpoint.interval': 2,
}


@pytest.fixture(scope='module')
def train(make_runner):
    """Return a function: work dir, options, where to cut off -> runner, trained."""

    def train(work_dir, options, *cut_off, config=CMD_CONFIG):
        runner = make_runner(config, work_dir, options)
        runner.register_hook(NoiseHook())
        if cut_off:
            runner.register_hook(CutOffHook(*cut_off))
            with pytest.raises(CutOffError):
                runner.train()
        else:
            runner.train()
        return runner

    return train


@pytest.fixture(scope='module')
def whole(train, options, tmp_path_factory):
    """Return the work dirs of uninterrupted runs that save by iteration and by epoch."""
    folder = tmp_path_factory.mktemp('whole')
    train(folder / 'iteration', options | BY_ITERATION)
    train(folder / 'epoch', options)
    return folder


def test_two_runs_with_one_seed_are_equal(whole, train, options, differing, tmp_path):
    train(tmp_path, options)
    assert differing(whole / 'epoch', tmp_path) == []


@pytest.mark.parametrize(
    ('cut_off', 'iteration', 'position'),
    [
        (('before_train_iter', 2), 2, 2),
        (('before_train_iter', 5), 4, 1),
        (('after_train_epoch', 1), 6, 3),
    ],
    ids=['in epoch 1', 'in epoch 2', 'at the end of epoch 2'],
)
def test_run_goes_on_in_the_middle_of_an_epoch(
    whole, train, options, differing, tmp_path, cut_off, iteration, position
):
    train(tmp_path, options | BY_ITERATION, *cut_off)
    last = torch.load((tmp_path / 'last_checkpoint').read_text(), weights_only=True)
    assert last['meta']['iter'] == iteration
    assert last['loop']['samples'] == 5 * position
    runner = train(tmp_path, options | BY_ITERATION | {'resume': True})
    assert runner.iter == EPOCHS * ITERATIONS
    assert differing(whole / 'iteration', tmp_path) == []


def test_run_whose_epochs_count_steps_goes_on_as_exactly(train, options, differing, tmp_path):
    options = options | BY_ITERATION | {'train_cfg.epoch_steps': 4}
    train(tmp_path / 'whole', options)
    train(tmp_path / 'cut', options, 'before_train_iter', 7)
    runner = train(tmp_path / 'cut', options | {'resume': True})
    assert runner.iter == runner.max_iters == EPOCHS * 4
    assert differing(tmp_path / 'whole', tmp_path / 'cut') == []


def test_epochs_that_count_steps_need_the_epoch_sampler(train, options, tmp_path):
    options = options | {'train_cfg.epoch_steps': 4}
    with pytest.raises(InputError, match=r'epoch_steps=0 must be 1 or more'):
        train(tmp_path, options | {'train_cfg.epoch_steps': 0})
    with pytest.raises(InputError, match=r'the sampler is DefaultSampler'):
        train(tmp_path, options | {'train_dataloader.sampler': DEFAULT_SAMPLER})


@pytest.mark.parametrize('epoch', [1, EPOCHS])
def test_validation_that_was_cut_off_is_made_up_for(
    whole, train, options, differing, tmp_path, epoch
):
    train(tmp_path, options, 'after_val_iter', epoch)
    train(tmp_path, options | {'resume': True})
    assert differing(whole / 'epoch', tmp_path) == []


@pytest.mark.parametrize(
    ('protocol', 'loop'),
    [
        ('linear', 'ResumableEpochLoop'),
        ('linear', 'CachedFeatureLoop'),
        ('finetune', 'ResumableEpochLoop'),
    ],
)
def test_downstream_runs_go_on_as_exactly(
    train, tiny_linear_options, pretrained, differing, tmp_path, protocol, loop
):
    config = f'benchmarks/{protocol}.py'
    options = tiny_linear_options | BY_ITERATION | {'train_cfg.type': loop}
    options['model.pretrained'] = str(pretrained / 'epoch_2.pth')
    run = partial(train, config=config)
    run(tmp_path / 'whole', options)
    run(tmp_path / 'cut', options, 'before_train_iter', 5)
    run(tmp_path / 'cut', options | {'resume': True})
    assert differing(tmp_path / 'whole', tmp_path / 'cut') == []


@pytest.mark.gpu
@pytest.mark.parametrize('encoder', ['BiGRU', 'STGCN'])
def test_runs_on_a_gpu_go_on_as_exactly_with_deterministic_algorithms(
    train, options, tiny_stgcn_options, differing, tmp_path, encoder
):
    graph = tiny_stgcn_options | {'train_cfg.max_epochs': EPOCHS}
    options = (graph if encoder == 'STGCN' else options) | BY_ITERATION
    options |= {'randomness.deterministic': True}
    try:
        train(tmp_path / 'whole', options)
        train(tmp_path / 'cut', options, 'before_train_iter', 5)
        runner = train(tmp_path / 'cut', options | {'resume': True})
        assert next(runner.model.parameters()).is_cuda
        assert differing(tmp_path / 'whole', tmp_path / 'cut') == []
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False


def test_batches_that_are_done_are_not_loaded(train, options, tmp_path, monkeypatch):
    options = options | BY_ITERATION | {'train_cfg.max_epochs': 1, 'train_cfg.val_begin': 9}
    train(tmp_path, options, 'before_train_iter', 2)
    loaded, load = [], SkeletonDataset.prepare_data
    monkeypatch.setattr(
        SkeletonDataset, 'prepare_data', lambda self, key: loaded.append(key) or load(self, key)
    )
    train(tmp_path, options | {'resume': True})
    assert len(loaded) == 5


def test_resume_in_the_middle_of_a_batch_is_refused(train, options, tmp_path):
    train(tmp_path, options | BY_ITERATION, 'before_train_iter', 5)  # saved inside an epoch
    changed = options | BY_ITERATION | {'resume': True, 'train_dataloader.batch_size': 10}
    with pytest.raises(InputError, match='5 sequences into an epoch'):
        train(tmp_path, changed)


def test_seed_that_was_drawn_is_taken_up(train, options, differing, tmp_path):
    options = options | BY_ITERATION | {'randomness.seed': None}
    train(tmp_path / 'cut', options, 'before_train_iter', 5)
    last = (tmp_path / 'cut' / 'last_checkpoint').read_text()
    seed = torch.load(last, weights_only=True)['meta']['seed']
    train(tmp_path / 'whole', options | {'randomness.seed': seed})
    train(tmp_path / 'cut', options | {'resume': True})
    assert differing(tmp_path / 'whole', tmp_path / 'cut') == []


@pytest.mark.parametrize('by', [BY_ITERATION, {}], ids=['by iteration', 'by epoch'])
def test_nothing_is_removed_before_its_successor_is_whole(
    train, options, tmp_path, monkeypatch, by
):
    """Fail at each write in turn: each time, a complete checkpoint exists and is named."""
    options = options | by | {'default_hooks.checkpoint.max_keep_ckpts': 1}
    put, seen = AtomicBackend.put, []

    def check_and_put(self, obj, filepath):
        pointer = tmp_path / 'last_checkpoint'
        if seen:
            assert is_whole(Path(pointer.read_text()))
            assert find_whole_checkpoint(tmp_path) == Path(pointer.read_text())
        if best := [path for path in seen if path.startswith('best')]:
            assert is_whole(tmp_path / best[-1])
        seen.append(Path(filepath).name)
        put(self, obj, filepath)

    monkeypatch.setattr(AtomicBackend, 'put', check_and_put)
    train(tmp_path, options)
    kept = {path.name for path in tmp_path.glob('*.pth')}
    assert len(kept) == 2, 'the last and the best'
    assert len(set(seen)) > 3
    assert kept == {Path((tmp_path / 'last_checkpoint').read_text()).name} | {
        next(name for name in reversed(seen) if name.startswith('best'))
    }


def test_half_a_file_that_a_killed_run_left_is_cleared_away(train, options, tmp_path):
    tmp_path.joinpath('.epoch_9.pth.123.part').write_bytes(b'half')
    train(tmp_path, options, 'before_train_iter', 0)
    assert not list(tmp_path.glob('.*.part'))


def test_run_whose_last_checkpoint_is_torn_goes_on_from_the_one_before(
    whole, train, options, differing, tmp_path
):
    train(tmp_path, options, 'before_train_iter', 8)
    last = Path((tmp_path / 'last_checkpoint').read_text())
    assert last.name == 'epoch_2.pth'
    last.write_bytes(last.read_bytes()[:-100])
    runner = train(tmp_path, options | {'resume': True})
    assert runner._load_from == str(tmp_path / 'epoch_1.pth')
    assert differing(whole / 'epoch', tmp_path) == []


def test_resume_without_a_checkpoint_starts_from_the_start(
    whole, train, options, differing, tmp_path
):
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    train(tmp_path, options | {'resume': True})
    assert differing(whole / 'epoch', tmp_path) == []


@pytest.fixture
def warnings(monkeypatch):
    """Return the list of logged warnings."""
    found = []
    monkeypatch.setattr(safe_checkpoint_hook, 'print_log', lambda text, **_: found.append(text))
    return found


def make(folder, *names):
    """Write checkpoints, one older than the next, and point to the last."""
    for age, name in enumerate(names):
        torch.save({'state_dict': {'weight': torch.randn(5000)}}, folder / name)
        os.utime(folder / name, (1000 + age, 1000 + age))
    (folder / 'last_checkpoint').write_text(str(folder / names[-1]))
    return [folder / name for name in names]


DAMAGES = {
    'cut off': lambda whole: whole[:-1],
    'half': lambda whole: whole[: len(whole) // 2],
    'empty': lambda whole: b'',
    'blanked inside': lambda whole: whole[:9000] + bytes(512) + whole[9512:],
}


@pytest.mark.parametrize('damage', DAMAGES.values(), ids=DAMAGES)
def test_torn_checkpoint_is_named_and_the_one_before_it_taken(tmp_path, warnings, damage):
    *_, before, last = make(tmp_path, 'epoch_9.pth', 'iter_20.pth', 'epoch_10.pth')
    assert find_whole_checkpoint(tmp_path) == last
    assert not warnings
    last.write_bytes(damage(last.read_bytes()))
    assert find_whole_checkpoint(tmp_path) == before
    assert len(warnings) == 1
    assert f'{last} is torn' in warnings[0]


def test_pointer_that_is_torn_or_behind_costs_nothing(tmp_path, warnings):
    before, last = make(tmp_path, 'epoch_1.pth', 'epoch_2.pth')
    pointer = tmp_path / 'last_checkpoint'
    pointer.write_text(str(before))  # as if killed between the two
    assert find_whole_checkpoint(tmp_path) == before
    for text in ('', str(before)[:-3]):
        pointer.write_text(text)
        assert find_whole_checkpoint(tmp_path) == last
    pointer.unlink()
    assert find_whole_checkpoint(tmp_path) == last


def test_folder_that_was_moved_and_other_files_in_it(tmp_path, warnings):
    (last,) = make(tmp_path, 'epoch_3.pth')
    (tmp_path / 'last_checkpoint').write_text('work_dirs/elsewhere/epoch_3.pth')
    torch.save({}, tmp_path / 'best_knn_top1_epoch_3.pth')
    assert find_whole_checkpoint(tmp_path) == last
    last.unlink()
    assert find_whole_checkpoint(tmp_path) is None
    assert ['is missing' in text for text in warnings] == [True]

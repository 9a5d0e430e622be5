"""Features that are encoded once give the same training as features of every epoch."""

import json

import pytest
import torch

from mmcmd.engine.feature_cache import cache_features
from mmcmd.errors import InputError
from mmcmd.models import LinearHead

CONFIG = 'benchmarks/linear.py'
EXACT, CACHED = 'ResumableEpochLoop', 'CachedFeatureLoop'
EPOCHS = 3


@pytest.fixture
def make(make_runner, tiny_linear_options, pretrained, tmp_path):
    """Return a function: work dir, type of the loop and options -> runner."""

    def make(name, loop=CACHED, **options):
        common = {
            'model.pretrained': str(pretrained / 'epoch_2.pth'),
            'train_cfg.type': loop,
            'train_cfg.max_epochs': EPOCHS,
            # The sequences are shorter than the default of 64 frames, so nothing would be cut.
            'train_dataloader.dataset.pipeline.1.min_frames': 1,
        }
        return make_runner(CONFIG, tmp_path / name, tiny_linear_options | common | options)

    return make


@pytest.fixture
def train(make, tmp_path):
    """Return a function: as `make` -> weights of the last checkpoint, and the results."""

    def train(name, loop=CACHED, **options):
        make(name, loop, **options).train()
        checkpoint = torch.load(tmp_path / name / f'epoch_{EPOCHS}.pth', weights_only=True)
        return checkpoint['state_dict'], json.loads((tmp_path / name / 'results.json').read_text())

    return train


def test_a_crop_for_each_pass_is_the_exact_mode_where_epochs_count_steps(train):
    steps = {'train_cfg.epoch_steps': 4}  # 60 samples of 15 sequences: four passes
    exact, exact_results = train('exact', EXACT, **steps)
    cached, cached_results = train('cached', **steps, **{'train_cfg.num_crops': 99})
    for name, value in exact.items():
        torch.testing.assert_close(cached[name], value, rtol=1e-4, atol=1e-6, msg=name)
    assert cached_results == exact_results


@pytest.mark.parametrize(
    ('num_crops', 'wrapper'),
    [(EPOCHS, 'OptimWrapper'), (99, 'OptimWrapper'), (EPOCHS, 'Bfloat16OptimWrapper')],
)
def test_a_crop_for_each_epoch_is_the_exact_mode(train, num_crops, wrapper):
    options = {'optim_wrapper.type': wrapper}
    exact, exact_results = train('exact', EXACT, **options)
    cached, cached_results = train('cached', **options, **{'train_cfg.num_crops': num_crops})
    assert exact.keys() == cached.keys()
    for name, value in exact.items():
        if name.startswith('encoders.'):
            assert torch.equal(cached[name], value), name
        else:
            torch.testing.assert_close(cached[name], value, rtol=1e-4, atol=1e-6, msg=name)
    assert cached_results == exact_results


def test_fewer_crops_are_other_features(train):
    every, _ = train('every', **{'train_cfg.num_crops': EPOCHS})
    one, _ = train('one', **{'train_cfg.num_crops': 1})
    assert not torch.equal(every['heads.joint.fc.weight'], one['heads.joint.fc.weight'])


def test_epochs_take_turns_with_the_crops_of_the_first(make):
    runner = make('crops')
    loader = runner.build_dataloader(runner.cfg.train_dataloader, seed=5)
    features = cache_features(runner.model, loader, num_crops=2).dataset
    assert features.feats.shape == (2, 15, 1, 3, 8)
    for epoch in range(5):
        for index in (0, 7, 14):
            sample = loader.dataset[5, epoch % 2, index]
            found = features.__getitems__([(5, epoch, index)])
            with torch.no_grad():
                expected = runner.model.encode(sample['inputs'][None])
            torch.testing.assert_close(found['inputs'], expected)
            assert found['data_samples'][0].frame_dir == sample['data_samples'].frame_dir
    assert not torch.equal(features.feats[0], features.feats[1])


def test_checkpoint_is_tested_as_that_of_the_exact_mode(make, train, tmp_path):
    _, validated = train('cached')
    load_from = str(tmp_path / 'cached' / f'epoch_{EPOCHS}.pth')
    for loop in (EXACT, CACHED):
        make('test', loop, load_from=load_from).test()
        tested = json.loads((tmp_path / 'test' / 'test_results.json').read_text())
        assert {name: x['last'] for name, x in tested.items()} == {
            name: x['last'] for name, x in validated.items()
        }


def test_checkpoint_keeps_the_names_of_the_classes(train, tmp_path):
    names = ['wave', 'sit', 'walk', 'bow']
    train('named', **{'train_dataloader.dataset.metainfo': {'classes': names}})
    checkpoint = torch.load(tmp_path / 'named' / f'epoch_{EPOCHS}.pth', weights_only=True)
    assert list(checkpoint['meta']['dataset_meta']['classes']) == names


@pytest.mark.filterwarnings('ignore:.*pin_memory:UserWarning')  # without a GPU
def test_features_are_pinned_if_the_coordinates_are(make):
    for pinned in (False, True):
        runner = make('pinned', **{'train_dataloader.pin_memory': pinned})
        loader = runner.build_dataloader(runner.cfg.train_dataloader, seed=5)
        assert cache_features(runner.model, loader).pin_memory is pinned


def test_nothing_is_encoded_after_the_start(make, monkeypatch):
    runner = make('once', **{'train_cfg.num_crops': 2})
    encode, sizes = runner.model.encode, []
    monkeypatch.setattr(
        runner.model, 'encode', lambda x, samples: sizes.append(len(x)) or encode(x, samples)
    )
    runner.train()
    assert sum(sizes) == 2 * 15 + 9


def test_encoders_that_are_trained_are_refused(make):
    with pytest.raises(InputError, match=r'frozen encoders only; set model.frozen=True, or'):
        make('trained', **{'model.frozen': False}).train()


def test_no_crop_is_refused(make):
    with pytest.raises(InputError, match='num_crops=0 must be at least 1'):
        make('none', **{'train_cfg.num_crops': 0}).train()


def test_head_with_whitening_has_seen_the_features_of_all_crops(make, train):
    options = {'model.head.whiten': 0.1, 'train_cfg.num_crops': 2}
    state, _ = train('whitened', **options)
    runner = make('again', **options)
    loader = runner.build_dataloader(runner.cfg.train_dataloader, seed=runner.seed)
    runner.model.init_weights()
    feats = cache_features(runner.model, loader, num_crops=2).dataset.feats
    head = LinearHead(feats.shape[-1], 2, whiten=0.1)
    head.fit(feats[..., 0, :].flatten(0, -2))
    found = state['heads.joint.whitening.matrix']
    torch.testing.assert_close(found, head.whitening.matrix, rtol=1e-3, atol=1e-3)


def test_whitening_without_cached_features_is_refused(make):
    with pytest.raises(InputError, match=r'must see all training features .*=CachedFeatureLoop'):
        make('exact', EXACT, **{'model.head.whiten': 0.1}).train()

"""The order of samples and their random numbers depend only on the seed and the epoch."""

import numpy as np
import pytest
import torch
from mmengine.dataset import sampler as mmengine_sampler

from mmcmd.datasets import EpochSampler
from mmcmd.registry import TRANSFORMS


@pytest.fixture
def as_rank(monkeypatch):
    """Return a function that makes new samplers belong to a given rank."""

    def as_rank(rank, world_size):
        monkeypatch.setattr(mmengine_sampler, 'get_dist_info', lambda: (rank, world_size))

    return as_rank


def keys(epoch=0, length=10, seed=7, start=0, **options):
    sampler = EpochSampler(list(range(length)), seed=seed, **options)
    sampler.set_epoch(epoch)
    sampler.start = start
    return list(sampler)


def test_keys_are_seed_epoch_and_every_index_once():
    orders = []
    for epoch in (0, 1):
        found = keys(epoch)
        assert {key[:2] for key in found} == {(7, epoch)}
        orders.append([index for *_, index in found])
        assert sorted(orders[-1]) == list(range(10))
    assert orders[0] != orders[1]


def test_order_is_a_function_of_seed_and_epoch():
    assert keys(epoch=3) == keys(epoch=3)
    assert keys(epoch=3, seed=7) != keys(epoch=3, seed=8)


@pytest.mark.parametrize('start', [0, 1, 7, 10])
def test_resumed_epoch_is_what_remains_of_the_whole_one(start):
    assert keys(epoch=2, start=start) == keys(epoch=2)[start:]


def test_length_is_that_of_the_whole_epoch_after_a_resume():
    sampler = EpochSampler(list(range(10)), seed=7)
    sampler.start = 6
    assert len(sampler) == 10


@pytest.mark.parametrize('world_size', [2, 3, 4])
@pytest.mark.parametrize('drop_last', [False, True])
def test_ranks_take_turns_in_the_order_of_one(as_rank, world_size, drop_last):
    alone = keys(length=14)
    shares = []
    for rank in range(world_size):
        as_rank(rank, world_size)
        shares.append(keys(length=14, drop_last=drop_last))
    together = [key for turn in zip(*shares, strict=True) for key in turn]
    if drop_last:
        assert together == alone[: 14 // world_size * world_size]
    else:
        assert together[:14] == alone
        assert together[14:] == alone[: len(together) - 14]


@pytest.mark.parametrize('length', range(8, 25))
@pytest.mark.parametrize('world_size', [2, 4])
def test_epoch_has_as_many_batches_for_any_number_of_ranks(as_rank, length, world_size):
    as_rank(0, world_size)
    sampler = EpochSampler(list(range(length)), drop_last=True, seed=0)
    assert len(list(sampler)) == len(sampler)
    assert len(sampler) // (8 // world_size) == length // 8


def extended(epoch, samples=16, length=10, start=0, **options):
    sampler = EpochSampler(list(range(length)), seed=7, **options)
    sampler.extend(samples)
    sampler.set_epoch(epoch)
    sampler.start = start
    return list(sampler)


def test_epochs_of_a_number_of_samples_visit_each_sample_in_turn_under_a_key_of_its_own():
    found = [key for epoch in range(5) for key in extended(epoch)]
    assert len(found) == len(set(found)) == 80
    for number in range(8):
        shuffle = found[10 * number : 10 * number + 10]
        assert {key[:2] for key in shuffle} == {(7, number)}
        assert sorted(index for *_, index in shuffle) == list(range(10))
    assert found[:10] == keys()


@pytest.mark.parametrize('start', [0, 5, 16])
def test_resumed_epoch_of_a_number_of_samples_is_what_remains_of_it(start):
    assert extended(3, start=start) == extended(3)[start:]


def test_ranks_take_turns_in_an_epoch_of_a_number_of_samples(as_rank):
    alone = extended(1)
    shares = []
    for rank in range(2):
        as_rank(rank, 2)
        shares.append(extended(1))
    assert [key for turn in zip(*shares, strict=True) for key in turn] == alone


@pytest.fixture
def load(load_epochs):
    """Return a function: loader options -> the inputs of the batches of two epochs."""

    def load(batch_size=6, **options):
        epochs = load_epochs(sampler={'drop_last': True}, batch_size=batch_size, **options)
        return [[inputs for inputs, _ in epoch] for epoch in epochs]

    return load


@pytest.mark.parametrize(
    ('workers', 'persistent'), [(0, False), (1, False), (1, True), (4, False), (4, True)]
)
def test_batches_do_not_depend_on_workers_nor_on_what_was_drawn_before(load, workers, persistent):
    expected = load(num_workers=0)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    found = load(num_workers=workers, persistent_workers=persistent)
    assert [len(epoch) for epoch in found] == [2, 2]
    for first, second in zip(expected, found, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_batches_of_two_ranks_are_those_of_one(load, as_rank):
    alone = load(num_workers=0)
    shares = []
    for rank in range(2):
        as_rank(rank, 2)
        shares.append(load(batch_size=3, num_workers=0))
    for epoch, first, second in zip(alone, *shares, strict=True):
        for whole, *parts in zip(epoch, first, second, strict=True):
            assert torch.equal(whole, torch.stack(parts, dim=1).flatten(0, 1))


def test_view_is_a_function_of_its_number_whatever_the_others_draw(mmcmd_scope):
    class Draw:
        """Draws more often for view 0 than for the others."""

        def __init__(self, most):
            self.left = most

        def __call__(self, results):
            while self.left:
                results['rng'].random()
                self.left -= 1
            results['keypoint'] = results['rng'].random((1, 2, 4, 25, 3))
            return results

    def views(count, draws, epoch=0):
        transform = TRANSFORMS.build(
            {
                'type': 'MultiView',
                'views': [{'transforms': [Draw(draws)], 'num_views': count}],
            }
        )
        results = transform({'keypoint': None, 'rng': np.random.default_rng((3, epoch, 5))})
        return results['keypoint']

    two, three, other = views(2, draws=0), views(3, draws=9), views(2, draws=0, epoch=1)
    assert np.array_equal(two[1], three[1])
    assert not np.array_equal(two[0], two[1])
    assert not np.array_equal(two[1], other[1])

"""Random numbers by jumps depend only on their key, and they pass tests of randomness."""

import numpy as np
import pytest

from mmcmd.datasets.random_numbers import jump_to_sample, jump_to_view


@pytest.fixture
def rng():
    return np.random.Generator(np.random.PCG64(99))


def numbers(rng, seed=3, epoch=1, index=5, view=0, count=4):
    jump_to_sample(rng, seed, epoch, index)
    jump_to_view(rng, rng.bit_generator.state, view)
    return rng.random(count).tolist()


def test_numbers_are_a_function_of_the_key_whatever_was_drawn_before(rng):
    first = numbers(rng)
    rng.integers(7, size=13, dtype=np.uint32)  # leaves half a number in the buffer
    assert numbers(rng) == first


@pytest.mark.parametrize('changed', [{'seed': 4}, {'epoch': 2}, {'index': 6}, {'view': 1}])
def test_each_part_of_the_key_counts(rng, changed):
    assert not set(numbers(rng, **changed)) & set(numbers(rng))


def test_jump_is_as_many_draws(rng):
    """A jump to view 1 is numpy's own jump of its PCG64."""
    jump_to_sample(rng, 0, 0, 0)
    expected = np.random.Generator(rng.bit_generator.jumped()).random(4)
    jump_to_view(rng, rng.bit_generator.state, 1)
    assert np.array_equal(rng.random(4), expected)


def test_numbers_of_neighbours_are_uniform_and_independent(rng):
    drawn = np.array(
        [[*numbers(rng, 0, 0, i, 0, 1), *numbers(rng, 0, 0, i, 1, 1)] for i in range(4000)]
    )
    for pair in (drawn, np.stack([drawn[:-1, 0], drawn[1:, 0]], axis=1)):  # views, samples
        counts, _, _ = np.histogram2d(*pair.T, bins=8, range=[[0, 1], [0, 1]])
        expected = len(pair) / 64
        chi2 = ((counts - expected) ** 2 / expected).sum()
        assert 20 < chi2 < 130, '63 is expected, with a standard deviation of 11'

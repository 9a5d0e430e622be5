"""The benchmark of transformers compares equal results, and measures memory."""

import pytest
import torch

from benchmarks import masked
from benchmarks.harness import Disagreement
from benchmarks.methods import TrainStep


@pytest.fixture
def step(mmcmd_scope):
    return TrainStep(masked.read(masked.MAMP, 'small'), 2)


def test_memory_is_compared_for_equal_gradients(mmcmd_scope):
    whole, part = masked.memory(masked.MAMP, 'small', 2)
    assert (whole.unit, whole.value > 0) == ('MB', True)
    assert part.goal == '<= 0.5'
    assert 'every gradient differs by at most' in part.note


def test_a_tenth_of_the_tokens_is_encoded(step):
    figure = masked.kept_tokens(step, 1)
    assert figure.case == 'MAMP, encoding 20 of 200 tokens'
    assert figure.value > 0


def test_plain_code_that_gives_another_loss_is_reported(step, monkeypatch):
    plain = masked.plain_mamp
    monkeypatch.setattr(masked, 'plain_mamp', lambda *x: plain(*x) + torch.ones(()))
    with pytest.raises(Disagreement, match='loss of MAMP'):
        masked.against_plain_code(step, 1)

from copy import deepcopy

import pytest
import torch
from mmengine.config import Config

from benchmarks.algorithm_1 import algorithm_1
from benchmarks.cmd_step import CONFIG, check_first_step, set_apart
from benchmarks.harness import Disagreement, change
from benchmarks.step import Rest, Step, our_loss
from mmcmd.registry import MODELS


@pytest.fixture
def views():
    return torch.randn(2, 4, 2, 4, 25, 3)


@pytest.fixture
def step(views):
    torch.manual_seed(0)
    config = Config.fromfile(CONFIG).model
    config.backbone.hidden_size = 8
    config.queue.size, config.distill_head.topk = 64, 32
    model = MODELS.build(config).train()
    set_apart(model)
    return Step(model, lambda model: our_loss(model, *views))


def test_the_rest_needs_the_gradients_of_a_real_step(step, views):
    with pytest.raises(RuntimeError, match='run a step first'):
        Rest(step, *views)()


def test_the_rest_runs_all_but_the_backbones(step, views):
    step()
    rest = Rest(step, *views)
    calls = []
    for encoders in (step.model.encoders, step.model.key_encoders):
        for encoder in encoders.values():
            encoder.backbone.input_norm.register_forward_hook(lambda *_: calls.append(1))
    before = {name: x.clone() for name, x in step.model.state_dict().items()}
    rest()
    assert not calls
    moved = {name for name, x in change(step.model.state_dict(), before).items() if x.any()}
    weights = {name for name, _ in step.model.named_parameters()}
    assert weights <= moved
    assert {f'queues.{name}.queue' for name in step.model.queues} <= moved
    step()
    assert calls


def test_the_rest_has_the_loss_of_the_whole_step(step, views):
    step()
    step.model.momentum = 0.0  # the key encoders stay, so the next step has the same key features
    rest = Rest(step, *views)
    for group in step.optimizer.param_groups:
        group['lr'] = 0.0
    queues = [queue.queue.clone() for queue in step.model.queues.values()]
    found = rest()
    for queue, before in zip(step.model.queues.values(), queues, strict=True):
        queue.queue.copy_(before)
    torch.testing.assert_close(found, step())


@pytest.mark.parametrize('part', ['momentum', 'pairs'])
def test_a_step_that_leaves_something_out_is_found_out(step, views, part):
    plain = Step(deepcopy(step.model), lambda model: algorithm_1(model, *views))
    if part == 'momentum':
        step.model.update_keys = lambda: None
    else:
        step.model.pairs = step.model.pairs[:-1]
    with pytest.raises(Disagreement, match='CMD step'):
        check_first_step(step, plain)

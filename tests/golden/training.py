"""Run training steps of our models from a recorded state, and record intermediate values."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from mmcmd.io.authors import drop_unused_prompts, model_sizes
from mmcmd.models.functional import contrast_logits
from mmcmd.registry import MODELS
from tests.golden.recordings import Recording
from tests.golden.report import Report

BACKBONES = {'cmd': 'BiGRU', 'pcm3': 'BiGRU'}


def build(
    recording: Recording, method: str, model_type: str, stream: str, **options: Any
) -> tuple[nn.Module, dict[str, Tensor]]:
    """Build our model in the number format of the recording, in the recorded initial state.

    Args:
        recording (Recording): A training.
        method (str): Method that gives the released names in the state.
        model_type (str): Name of our class.
        stream (str): The stream of names without a suffix.
        **options: Options of the model, and ``temperature``.

    Returns:
        tuple: The model in training mode, and the adjacency matrices (3, V, V) of its ST-GCN
        blocks by name, before the recorded state replaces them.
    """
    config, state = recording.config, recording.state('init', method, stream)
    sizes = model_sizes(state)
    backbone = {'type': BACKBONES.get(method, 'SkeletonCLRSTGCN'), **sizes['backbone']}
    if 'dropout' in config and 'hidden_channels' in backbone:
        backbone['dropout'] = config['dropout']
    temperature = options.pop('temperature', config.get('temperature', 0.07))
    model = MODELS.build(
        {
            **sizes,
            'type': model_type,
            'backbone': backbone,
            'neck': {'type': 'ProjectionNeck', **sizes['neck']},
            'queue': {'type': 'KeyQueue', **sizes['queue']},
            'head': {'type': 'MoCoHead', 'temperature': temperature},
            **options,
        }
    )
    model = recording.placed(model)
    built = {name: x.clone() for name, x in model.state_dict().items() if name.endswith('gcn.A')}
    model.load_state_dict(drop_unused_prompts(state, model.state_dict()), strict=True)
    return model.train(), built


def optimizer_of(model: nn.Module, config: dict[str, Any]) -> torch.optim.SGD:
    """Return SGD with the recorded settings."""
    return torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad],
        lr=config['lr'],
        momentum=config.get('sgd_momentum', 0.9),
        weight_decay=config.get('weight_decay', 0.0),
        nesterov=config.get('nesterov', False),
    )


@contextmanager
def calls(module: ModuleType, name: str) -> Iterator[list[tuple[tuple, Any]]]:
    """Record arguments and results of a function in a module, as long as the context is open."""
    function, seen = getattr(module, name), []

    def recorded(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        seen.append((args, result))
        return result

    with patch.object(module, name, recorded):
        yield seen


@contextmanager
def head_calls(model: nn.Module) -> Iterator[list[tuple]]:
    """Record the inputs of the contrastive head by stream: query, key and similarities."""
    seen: list[tuple] = []
    handle = model.head.register_forward_hook(lambda _, args, __: seen.append(args))
    with ExitStack() as stack:
        stack.callback(handle.remove)
        yield seen


def head_logits(model: nn.Module, seen: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the logits of a call of the contrastive head, (N, 1 + Q)."""
    query, key, similarities = seen
    positive = (query * key).sum(dim=1)
    return contrast_logits(positive, similarities, temperature=model.head.temperature)


def gradient_norm(model: nn.Module, stream: str) -> float:
    """Return the norm of the gradient of a stream's query encoder and neck."""
    parts = model.encoders[stream], model.necks[stream]
    gradients = [p.grad.flatten() for part in parts for p in part.parameters()]
    return torch.cat(gradients).norm().item()


def step(optimizer: torch.optim.Optimizer, loss: Tensor, model: nn.Module) -> list[float]:
    """Take one optimisation step; return the gradient norms of the streams before it."""
    optimizer.zero_grad()
    with torch.autocast(loss.device.type, enabled=False):  # as a runner does
        loss.backward()
    norms = [gradient_norm(model, name) for name in model.streams]
    optimizer.step()
    return norms


def steps_of(report: Report, recording: Recording) -> range:
    """Return the indices of the steps. Each step must have losses."""
    steps, losses = len(recording['steps']), len(recording['losses'])
    report.count('losses', 'number of steps', steps, losses)
    return range(min(steps, losses))


def compare_states(report: Report, model: nn.Module, expected: dict[str, Tensor]) -> None:
    """Compare every tensor of a model with a recorded state of the same tensors."""
    found = model.state_dict()
    expected = drop_unused_prompts(expected, found)
    odd = sorted(set(expected) ^ set(found))
    report.count('states', f'tensors of one side only ({", ".join(odd[:3])})', len(odd), 0)
    for name in sorted(set(expected) & set(found)):
        report.add('states', name, found[name], expected[name])


def features(model: nn.Module, joints: Tensor, stream: str) -> Tensor:
    """Return the ``eval()`` features of joints (N, M, T, V, C). The mode is restored."""
    training = model.training
    with torch.no_grad():
        found = model.eval().extract_feat(joints, stream)
    model.train(training)
    return found

from collections.abc import Callable
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor

from mmcmd.errors import InputError

Losses = dict[str, Tensor]


class GraphedStep:
    """A training step as one CUDA graph: losses, gradients, optimizer, key encoders and queues.

    The first steps run as usual, on a stream of their own, as a recording needs it. The next one is
    recorded. From then on a step is a copy of the batch and one launch. The graph reads the inputs
    and the learning rates from tensors that stay where they are. The parameter schedulers go on
    writing numbers into the groups of the optimizer.

    It takes the place of ``model.train_step``.

    Args:
        model (BaseModel): Its loss takes one tensor and needs no data samples.
        optim_wrapper (OptimWrapper): With a fused optimizer, which can read its learning rate from
            a tensor.

    Raises:
        InputError: If a batch has another shape than the first one.
    """

    warm_up = 3

    def __init__(self, model: BaseModel, optim_wrapper: OptimWrapper) -> None:
        self.model, self.optim_wrapper = model, optim_wrapper
        self.groups = optim_wrapper.optimizer.param_groups
        device = self.groups[0]['params'][0].device
        self.rates = [torch.zeros((), device=device) for _ in self.groups]
        self.inputs: Tensor | None = None
        self.replay: Callable[[], Losses] | None = None

    def __call__(self, data: dict[str, Any], optim_wrapper: OptimWrapper) -> Losses:
        """Take a step, as ``model.train_step`` does, and return the losses."""
        inputs = self.model.data_preprocessor(data, True)['inputs']
        if self.inputs is None:
            self.inputs = torch.empty_like(inputs)
        if inputs.shape != self.inputs.shape:
            raise InputError(
                f'CudaGraphHook: the step was recorded for inputs of shape '
                f'{tuple(self.inputs.shape)}, but a batch has {tuple(inputs.shape)}; make all '
                'batches equal, or leave the hook out'
            )
        self.inputs.copy_(inputs)
        for rate, group in zip(self.rates, self.groups, strict=True):
            rate.fill_(group['lr'])
        if self.warm_up:
            self.warm_up -= 1
            losses = self.aside(self.step)
        else:
            self.replay = self.replay or self.record(self.step)
            losses = self.replay()
        # Copies, because the next step overwrites the losses of the graph.
        return {name: value.clone() for name, value in losses.items()}

    def step(self) -> Losses:
        """Take a step on ``inputs`` with the learning rates in ``rates``."""
        with self.optim_wrapper.optim_context(self.model):
            losses = self.model(self.inputs, None, mode='loss')
        loss, losses = self.model.parse_losses(losses)
        numbers = [group['lr'] for group in self.groups]
        for rate, group in zip(self.rates, self.groups, strict=True):
            group['lr'] = rate
        try:
            self.optim_wrapper.update_params(loss)
        finally:
            for number, group in zip(numbers, self.groups, strict=True):
                group['lr'] = number
        return {name: value.detach() for name, value in losses.items()}

    @staticmethod
    def aside(step: Callable[[], Losses]) -> Losses:
        """Run a step on another stream than the current one."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            losses = step()
        torch.cuda.current_stream().wait_stream(stream)
        return losses

    @staticmethod
    def record(step: Callable[[], Losses]) -> Callable[[], Losses]:
        """Record a step without running it, and return a function that runs the recording."""
        graph = torch.cuda.CUDAGraph()
        # Other threads go on meanwhile: the loader's may pin memory, which `global` forbids.
        with torch.cuda.graph(graph, capture_error_mode='thread_local'):
            losses = step()

        def replay() -> Losses:
            graph.replay()
            return losses

        return replay

"""A step of pre-training, and what of it is not an encoder."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mmcmd.models import CMD

SGD = dict(lr=0.01, momentum=0.9, weight_decay=1e-4)


def our_loss(model: CMD, query_view: Tensor, key_view: Tensor) -> Tensor:
    """Compute the loss as the runner does."""
    losses = model(torch.stack([query_view, key_view], dim=1), mode='loss')
    return model.parse_losses(losses)[0]


class Step:
    """A model and its optimizer, stepped by one way of computing the loss."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> None:
        self.model, self.loss = model, loss
        trained = [x for x in model.parameters() if x.requires_grad]
        self.optimizer = torch.optim.SGD(trained, **SGD)

    def __call__(self) -> Tensor:
        """Run a step and return its loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


@contextmanager
def replaced(maps: Mapping[nn.Module, Tensor]) -> Iterator[None]:
    """Let backbones return maps that are there, instead of encoding."""
    for backbone, feature_map in maps.items():
        setattr(backbone, entrance(backbone), lambda joints, result=feature_map: result)
    try:
        yield
    finally:
        for backbone in maps:
            delattr(backbone, entrance(backbone))


def entrance(backbone: nn.Module) -> str:
    """Return the name of the method that an encoder calls for the map of a backbone."""
    return 'feature_map' if hasattr(backbone, 'feature_map') else 'forward'


class Rest:
    """All of a step that is not an encoder, run by itself.

    It is the very same step, with each backbone's pass replaced by the map (N, M, D, T', V) it gave
    once. The gradient ends there; the optimizer finds the backbones' from a real step before.

    Args:
        step (Step): Of a :class:`CMD`, which was run before.
        query_view (Tensor): Joints, shape (N, M, T, V, C).
        key_view (Tensor): Joints, shape (N, M, T, V, C).
    """

    def __init__(self, step: Step, query_view: Tensor, key_view: Tensor) -> None:
        self.step, model = step, step.model
        self.maps, self.leaves = {}, []
        for name in model.streams:
            with torch.no_grad():
                query = model.encoders[name].feature_map(query_view)
                key = model.key_encoders[name].feature_map(key_view)
            self.leaves += [query.requires_grad_(), *model.necks[name].parameters()]
            self.maps[model.encoders[name].backbone] = query
            self.maps[model.key_encoders[name].backbone] = key

    def __call__(self) -> Tensor:
        """Run it and return the loss."""
        for leaf in self.leaves:
            leaf.grad = None
        with replaced(self.maps):
            loss = self.step.loss(self.step.model)
        loss.backward()
        if any(x.grad is None for x in self.step.model.parameters() if x.requires_grad):
            raise RuntimeError('the optimizer would pass by what has no gradient: run a step first')
        self.step.optimizer.step()
        return loss.detach()

"""A step of pre-training, and the same step without its encoders."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from benchmarks.precision import PRECISIONS, Precision
from mmcmd.models import CMD

SGD = dict(lr=0.01, momentum=0.9, weight_decay=1e-4)


def our_loss(model: CMD, query_view: Tensor, key_view: Tensor) -> Tensor:
    """Compute the loss as the runner does."""
    losses = model(torch.stack([query_view, key_view], dim=1), mode='loss')
    return model.parse_losses(losses)[0]


class Step:
    """A training step: a model, its optimizer and a function that computes the loss.

    Args:
        model (nn.Module): Model to train.
        loss (Callable): Computes the loss of the model.
        precision (Precision, optional): Number format of the forward pass; float16 has a loss
            scaler. Defaults to float32.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module], Tensor],
        precision: Precision = PRECISIONS['float32'],
    ) -> None:
        self.model, self.loss = model, loss
        self.precision, self.device = precision, next(model.parameters()).device.type
        scales = precision.autocast is torch.float16
        self.scaler = torch.amp.GradScaler(self.device, enabled=scales)
        trained = [x for x in model.parameters() if x.requires_grad]
        self.optimizer = torch.optim.SGD(trained, **SGD)

    def __call__(self) -> Tensor:
        """Run a step and return its loss."""
        self.optimizer.zero_grad()
        loss = self.backward()
        self.update()
        return loss

    def backward(self) -> Tensor:
        """Compute the gradients, and return the loss."""
        with self.precision.casting(self.device):
            loss = self.loss(self.model)
        self.scaler.scale(loss).backward()
        return loss.detach()

    def update(self) -> None:
        """Update the weights."""
        self.scaler.step(self.optimizer)
        self.scaler.update()


@contextmanager
def replaced(maps: Mapping[nn.Module, Tensor]) -> Iterator[None]:
    """Make each backbone return a given feature map instead of encoding."""
    kernels = {backbone: backbone.kernel for backbone in maps if hasattr(backbone, 'kernel')}
    for backbone, feature_map in maps.items():
        if backbone in kernels:
            backbone.kernel = 'auto'  # other kernels run the networks of several streams together
        setattr(backbone, entrance(backbone), lambda joints, result=feature_map: result)
    try:
        yield
    finally:
        for backbone in maps:
            delattr(backbone, entrance(backbone))
        for backbone, kernel in kernels.items():
            backbone.kernel = kernel


def entrance(backbone: nn.Module) -> str:
    """Return the name of the method that computes the feature map of a backbone."""
    return 'feature_map' if hasattr(backbone, 'feature_map') else 'forward'


class Rest:
    """A step without its encoders.

    It is the same step, but each backbone returns a stored feature map (N, M, D, T', V). The
    gradient ends at these maps. The optimizer uses the gradients of the backbones from an earlier
    complete step.

    Args:
        step (Step): Step of a :class:`CMD` that was run before.
        query_view (Tensor): Joints, shape (N, M, T, V, C).
        key_view (Tensor): Joints, shape (N, M, T, V, C).

    Raises:
        RuntimeError: When it is called, if the step was not run before.
    """

    def __init__(self, step: Step, query_view: Tensor, key_view: Tensor) -> None:
        self.step, model = step, step.model
        self.maps, self.leaves = {}, []
        for name in model.streams:
            with torch.no_grad(), step.precision.casting(step.device):
                query = model.encoders[name].feature_map(query_view)
                key = model.key_encoders[name].feature_map(key_view)
            self.leaves += [query.requires_grad_(), *model.necks[name].parameters()]
            self.maps[model.encoders[name].backbone] = query
            self.maps[model.key_encoders[name].backbone] = key

    def __call__(self) -> Tensor:
        """Run the step and return the loss."""
        for leaf in self.leaves:
            leaf.grad = None
        with replaced(self.maps):
            loss = self.step.backward()
        if any(x.grad is None for x in self.step.model.parameters() if x.requires_grad):
            raise RuntimeError(
                'a parameter has no gradient, so it would be skipped: run a step first'
            )
        self.step.update()
        return loss

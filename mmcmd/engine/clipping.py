from collections.abc import Callable, Iterable
from typing import Any

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.registry import OPTIM_WRAPPER_CONSTRUCTORS

GROUPS: dict[str, Callable[[list[str]], str]] = {
    'part': lambda names: '.'.join(names[:2]),
    'module': lambda names: '.'.join(names[:3]),
    'stream': lambda names: names[1],
    'tensor': '.'.join,
}
"""How the name of a parameter, such as ``encoders.joint.backbone.rnn``, says its group."""


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class GroupClipConstructor(DefaultOptimWrapperConstructor):
    """Build an optimiser wrapper whose ``clip_grad`` clips groups of parameters separately.

    mmengine clips all parameters together. MS2L clips the encoder and each head alone. A method
    that clips everything (P&C) needs a group for each stream, so that training several streams in
    one run equals training each alone.

    Args:
        optim_wrapper_cfg (dict): ``optimizer``, and ``clip_grad`` with ``max_norm``.
        paramwise_cfg (dict): ``clip_by`` is ``'part'`` (``encoders.joint``, ``decoders.joint``
            ...), ``'module'`` (``encoders.joint.backbone``, ``necks.joint.class`` ...),
            ``'stream'``, or ``'tensor'`` (each parameter alone, as STARS). Other entries are
            mmengine's.

    Raises:
        InputError: If ``clip_by`` is something else, or ``clip_grad`` clips values.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        paramwise_cfg = dict(paramwise_cfg or {})
        clip_by = paramwise_cfg.pop('clip_by', None)
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        clip = optim_wrapper_cfg.get('clip_grad') or {}
        if clip_by not in GROUPS or clip.get('type', 'norm') != 'norm':
            raise InputError(
                f'GroupClipConstructor clips norms by {" or ".join(GROUPS)}, but got '
                f'clip_by={clip_by!r} and clip_grad={dict(clip)}; correct optim_wrapper'
            )
        self.clip_by = clip_by

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper for a model."""
        wrapper = super().__call__(model)
        clip_in_groups(wrapper, model, self.clip_by)
        return wrapper


def clip_in_groups(wrapper: OptimWrapper, model: nn.Module, clip_by: str) -> None:
    """Let an optimiser wrapper clip groups of parameters separately.

    Args:
        wrapper (OptimWrapper): Its ``clip_grad`` gives the largest norm.
        model (nn.Module): The model whose parameters it trains.
        clip_by (str): One of :data:`GROUPS`.
    """
    trained = {id(x) for group in wrapper.param_groups for x in group['params']}
    groups: dict[str, list[nn.Parameter]] = {}
    names_of = getattr(model, 'module', model)  # without DistributedDataParallel
    for name, parameter in names_of.named_parameters():
        if id(parameter) in trained:
            groups.setdefault(GROUPS[clip_by](name.split('.')), []).append(parameter)

    def clip(parameters: Iterable[nn.Parameter], **options: Any) -> Tensor:
        norms = [
            nn.utils.clip_grad_norm_(group, **options)
            for group in groups.values()
            if any(parameter.grad is not None for parameter in group)
        ]
        return torch.stack(norms).norm()

    wrapper.clip_func = clip

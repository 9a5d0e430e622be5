from mmengine.dist import get_world_size
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapperDict
from torch import nn

from mmcmd.errors import InputError
from mmcmd.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SeveralOptimizersConstructor:
    """Build an optimiser of its own for each group of modules, such as those of a GAN.

    Args:
        optim_wrapper_cfg (dict): ``optimizer`` and other options, which are those of each
            optimiser.
        paramwise_cfg (dict): ``groups`` maps the name of an optimiser to names of modules. Other
            entries are mmengine's.

    Raises:
        InputError: If there are no groups, a module is in no group or in two, or there are several
            processes: mmengine's distributed models take one optimiser only.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        self.options = dict(optim_wrapper_cfg)
        self.paramwise_cfg = dict(paramwise_cfg or {})
        self.groups = {name: list(x) for name, x in self.paramwise_cfg.pop('groups', {}).items()}

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """Build the optimisers for a model."""
        if get_world_size() > 1:
            raise InputError(
                'several optimisers work in one process only; on several GPUs use one optimiser, '
                'which is the same for Adam: set '
                'optim_wrapper.constructor=DefaultOptimWrapperConstructor and '
                'optim_wrapper.paramwise_cfg=None'
            )
        named = [module for modules in self.groups.values() for module in modules]
        parts = [name for name, x in model.named_children() if any(True for _ in x.parameters())]
        if sorted(named) != sorted(parts):
            raise InputError(
                f'optim_wrapper.paramwise_cfg.groups must name each of {", ".join(parts)} once, '
                f'but names {", ".join(named) or "none"}'
            )
        return OptimWrapperDict(
            **{
                group: DefaultOptimWrapperConstructor(dict(self.options), dict(self.paramwise_cfg))(
                    nn.ModuleDict({name: getattr(model, name) for name in modules})
                )
                for group, modules in self.groups.items()
            }
        )

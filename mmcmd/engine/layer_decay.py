from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmcmd.engine.clipping import clip_in_groups
from mmcmd.errors import InputError
from mmcmd.models.streams import StreamModel
from mmcmd.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(DefaultOptimWrapperConstructor):
    """Build an optimiser whose learning rate falls from the last layer of an encoder to its first.

    The rate of layer i of n layers is ``layer_decay ** (n + 1 - i)`` times that of the heads (BEiT,
    MAE). A backbone says the layer of a parameter by ``layer_of``, and n by ``num_layers``.

    Args:
        optim_wrapper_cfg (dict): ``optimizer``, and others as in mmengine.
        paramwise_cfg (dict): ``layer_decay``; ``flat_decay_mult``, a factor of the weight decay of
            parameters with one dimension, which defaults to 1; ``trained_share``, the share of the
            blocks, from the last one, that is trained, which defaults to 1: with a smaller share
            the embedding is not trained either, and with 0 nothing of the encoder is;
            ``embed_lr_mult``, a factor of the learning rate of patch embeddings, which defaults to
            1; ``clip_by`` of :class:`GroupClipConstructor`.

    Raises:
        InputError: If there are other entries, or a backbone does not say its layers.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        options = dict(paramwise_cfg or {})
        self.rate = options.pop('layer_decay', 1.0)
        self.flat_decay_mult = options.pop('flat_decay_mult', 1.0)
        self.trained_share = options.pop('trained_share', 1.0)
        self.embed_lr_mult = options.pop('embed_lr_mult', 1.0)
        self.clip_by = options.pop('clip_by', None)
        if options:
            raise InputError(
                'LayerDecayConstructor takes layer_decay, flat_decay_mult, trained_share, '
                f'embed_lr_mult and clip_by, but got {", ".join(options)}; correct '
                'optim_wrapper.paramwise_cfg'
            )
        super().__init__(optim_wrapper_cfg, {'layer_decay': self.rate})

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper for a model."""
        wrapper = super().__call__(model)
        if self.clip_by is not None:
            clip_in_groups(wrapper, model, self.clip_by)
        return wrapper

    def add_params(self, params: list[dict], module: nn.Module, **_: object) -> None:
        """Add a group for each parameter that is trained."""
        decay = self.base_wd or 0.0
        for name, parameter in module.named_parameters():
            factor = self._factor(module, name)
            if factor is None or not parameter.requires_grad:
                continue
            if '.patch_embed.' in name:
                factor *= self.embed_lr_mult
            flat = self.flat_decay_mult if parameter.ndim == 1 else 1.0
            params.append(
                {
                    'params': [parameter],
                    'lr': self.base_lr * factor,
                    'weight_decay': decay * flat,
                    'param_name': name,
                }
            )

    def _factor(self, model: StreamModel, name: str) -> float | None:
        """Return the factor of a parameter's learning rate; None if it is not trained."""
        parts = name.split('.', 3)
        if parts[0] != 'encoders' or parts[2] != 'backbone':
            return 1.0
        if self.rate == self.trained_share == 1.0:
            return 1.0
        backbone = model.encoders[parts[1]].backbone
        if not hasattr(backbone, 'layer_of'):
            raise InputError(
                f'{type(backbone).__name__} does not say its layers, so their learning rates '
                'cannot differ; set optim_wrapper.paramwise_cfg.layer_decay to 1'
            )
        layer, layers = backbone.layer_of(parts[3]), backbone.num_layers
        if self.trained_share < 1 and (
            not self.trained_share or layer <= layers * (1 - self.trained_share)
        ):
            return None
        return self.rate ** (layers + 1 - layer)

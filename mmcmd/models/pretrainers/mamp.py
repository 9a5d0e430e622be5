from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.models.tokens import masked_token_error, patch_steps, patchify
from mmcmd.registry import MODELS


@MODELS.register_module()
class MAMP(BasePretrainer):
    """MAMP: predict the motion of masked joints (ICCV 2023).

    A sequence is cut into tokens. Each token holds a few frames of one joint. Most tokens are
    removed. Tokens with more motion are removed with a higher probability (Sec. 3.3). The encoder
    gets the remaining tokens. A small decoder predicts the motion of the removed tokens (Sec. 3.4).
    The loss is the mean squared error over the removed tokens of the whole batch.

    SkeletonMAE, the baseline of the MAMP paper, is this class with other components:
    ``masking=dict(type='RandomTokenMask')`` and ``target=dict(type='JointTarget')``.

    Args:
        decoder (dict, optional): Options of :class:`TokenDecoder`.
        masking (dict, optional): Defaults to :class:`MotionAwareMask`.
        target (dict, optional): Defaults to :class:`MotionTarget`.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`. The backbone must have a method ``tokens``, like
            :class:`SkeletonTransformer`.

    Raises:
        InputError: If a backbone has no method ``tokens``.
    """

    views: ClassVar[tuple[str, ...]] = ('view',)

    def __init__(
        self,
        decoder: dict | None = None,
        masking: dict | None = None,
        target: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_tokens(self)
        self.masking = MODELS.build({'type': 'MotionAwareMask', **(masking or {})})
        self.target = MODELS.build({'type': 'MotionTarget', **(target or {})})
        self.decoders = ModuleDict()
        for name, encoder in self.encoders.items():
            backbone, (_, joints, channels) = encoder.backbone, encoder.frame_shape
            sizes = {
                'in_channels': backbone.out_channels,
                'out_channels': backbone.patch_frames * channels,
                'num_joints': joints,
                'num_steps': backbone.num_steps,
            }
            self.decoders[name] = MODELS.build({'type': 'TokenDecoder', **sizes, **(decoder or {})})

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step.

        Args:
            inputs (Tensor): One view, shape (N, 1, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: ``loss_{stream}`` for each stream.
        """
        samples, _, persons, frames, joints, _ = inputs.shape
        losses = {}
        for name, encoder in self.encoders.items():
            tokens = patch_steps(frames, encoder.backbone.patch_frames) * joints
            uniform = torch.rand(samples * persons, tokens, generator=self.generator)
            uniform = uniform.to(inputs.device, non_blocking=True)
            losses[f'loss_{name}'] = self.prediction_error(name, inputs[:, 0], uniform)
        return losses

    def prediction_error(self, stream: str, joints: Tensor, uniform: Tensor) -> Tensor:
        """Compute the loss of one stream with given random numbers.

        Args:
            stream (str): Name of the stream.
            joints (Tensor): Shape (N, M, T, V, C).
            uniform (Tensor): Uniform random numbers for the mask, shape (N M, T' V).

        Returns:
            Tensor: Shape ().
        """
        encoder = self.encoders[stream]
        backbone, values = encoder.backbone, encoder.modality(joints)
        with torch.no_grad():
            keep, removed = self.masking(patchify(values, backbone.patch_frames), uniform)
            target = self.target(values, backbone.patch_frames)
        visible = backbone.tokens(values, keep)
        prediction = self.decoders[stream](visible, keep, removed.shape[1])
        return masked_token_error(prediction, target, removed)


def check_tokens(model: BasePretrainer) -> None:
    """Check that the backbones of a method can encode a part of their tokens.

    Raises:
        InputError: If a backbone has no method ``tokens``.
    """
    for name, encoder in model.encoders.items():
        if not hasattr(encoder.backbone, 'tokens'):
            raise InputError(
                f'{type(model).__name__} removes tokens, which {type(encoder.backbone).__name__} '
                f'of stream {name!r} does not have; choose --encoder transformer'
            )

from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.models.encoder import build_with_features
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.registry import MODELS
from mmcmd.structures import get_valid_frames


@MODELS.register_module()
class PredictCluster(BasePretrainer):
    """P&C, Predict & Cluster (CVPR 2020): a weak decoder reconstructs a sequence from its feature.

    This class follows the PyTorch code of the authors. The "cluster" part of the paper is the
    evaluation of the features with nearest neighbours.

    Args:
        decoder (dict, optional): Decoder from a feature to a sequence. Defaults to an
            :class:`AutoregressiveDecoder`.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`.
    """

    views: ClassVar[tuple[str, ...]] = ('view',)

    def __init__(self, decoder: dict | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        decoder = {'type': 'AutoregressiveDecoder', **(decoder or {})}
        self.decoders = ModuleDict()
        for name, encoder in self.encoders.items():
            persons, joints, channels = encoder.frame_shape
            sizes = {'out_channels': persons * joints * channels}
            self.decoders[name] = build_with_features({**decoder, **sizes}, encoder)

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step.

        Args:
            inputs (Tensor): One view, shape (N, 1, M, T, V, C).
            data_samples (list[ActionDataSample], optional): They hold the numbers of valid frames.
                Without these, all frames are valid.

        Returns:
            dict[str, Tensor]: ``loss_{stream}``, see :func:`prediction_loss`.
        """
        joints, valid = inputs[:, 0], get_valid_frames(data_samples, torch.device('cpu'))
        if valid is None:
            valid = torch.full((len(joints), 1), joints.shape[2])
        # As in the released code, a batch is as long as its longest sequence.
        joints = joints[:, :, : valid.max().item()]
        valid = valid[:, 0].to(joints.device, non_blocking=True)
        losses = {}
        for name, encoder in self.encoders.items():
            feature = encoder(joints, valid)
            frames = encoder.modality(joints).permute(0, 2, 3, 4, 1).flatten(2)  # (V, C, M)
            prediction = self.decoders[name](feature, frames)
            losses[f'loss_{name}'] = prediction_loss(prediction, frames, valid)
        return losses


def prediction_loss(prediction: Tensor, frames: Tensor, valid: Tensor) -> Tensor:
    """Sum the absolute errors of each sequence, divide by its valid frames, and average.

    As in the released code, the padding is not masked. Its target is zero.

    Args:
        prediction (Tensor): Shape (N, T, F).
        frames (Tensor): Target, shape (N, T, F).
        valid (Tensor): Numbers of valid frames, shape (N,).

    Returns:
        Tensor: Shape ().
    """
    error = (prediction - frames).abs().sum(dim=(1, 2), dtype=_at_least_float32(frames))
    return (error / valid).mean()


def _at_least_float32(values: Tensor) -> torch.dtype:
    return torch.promote_types(values.dtype, torch.float32)

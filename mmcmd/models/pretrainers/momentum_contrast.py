from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.model import BaseModel, ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.data_preprocessor import SkeletonDataPreprocessor
from mmcmd.models.encoder import SkeletonEncoder, build_with_features
from mmcmd.models.functional import momentum_update
from mmcmd.models.modalities import build_modalities
from mmcmd.registry import MODELS
from mmcmd.structures import set_features


class ContrastiveEncoder(SkeletonEncoder):
    """An encoder with a projection after it.

    Args:
        backbone (dict): As in :class:`SkeletonEncoder`.
        neck (dict): Projection of (N, D) to the embedding; its ``in_channels`` may be left out.
        **kwargs: ``layout`` and ``pooling`` of :class:`SkeletonEncoder`.
    """

    def __init__(self, backbone: dict, neck: dict, **kwargs: Any) -> None:
        super().__init__(backbone, **kwargs)
        self.neck = build_with_features(neck, self)

    def embed(self, x: Tensor) -> Tensor:
        """Encode (N, M, T, V, C) to L2-normalised embeddings (N, D)."""
        return F.normalize(self.neck(self(x)).float(), dim=1)


class MomentumContrast(BaseModel):
    """What methods built on momentum contrast share: encoder pairs, queues and feature extraction.

    A method derives from it and writes :meth:`loss`. It holds, for each modality, a query
    encoder, a key encoder that follows it without gradient, and a queue head.

    Args:
        modalities (Sequence[str]): Such as ``('joint', 'motion', 'bone')``; the first is the one
            reported without a name.
        backbone (dict): Encoder of one modality.
        neck (dict): Projection; its ``in_channels`` may be left out.
        head (dict): Queue head of one modality.
        pooling (dict, optional): Reduces a backbone's output to a feature in another way than
            the mean.
        momentum (float): Fraction taken from the query encoder in each step, in (0, 1]. Defaults
            to 0.001.
        layout (str | dict): Joint layout of the data. Defaults to ``'ntu'``.
        data_preprocessor (dict, optional): Defaults to :class:`SkeletonDataPreprocessor`.
        init_cfg (dict, optional): mmengine's.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        backbone: dict,
        neck: dict,
        head: dict,
        pooling: dict | None = None,
        momentum: float = 0.001,
        layout: str | dict = 'ntu',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor or SkeletonDataPreprocessor(), init_cfg)
        if not 0 < momentum <= 1:
            raise InputError(
                f'momentum is the fraction taken from the query encoder, in (0, 1], but is '
                f'{momentum}'
            )
        self.momentum = momentum
        self.modalities = build_modalities(modalities, layout)
        self.query_encoders = ModuleDict(
            {
                name: ContrastiveEncoder(backbone, neck, layout=layout, pooling=pooling)
                for name in self.modalities
            }
        )
        self.key_encoders = deepcopy(self.query_encoders).requires_grad_(False)
        self.heads = ModuleDict({name: MODELS.build(head) for name in self.modalities})

    def init_weights(self) -> None:
        """Initialise the query encoders as configured and copy them to the key encoders."""
        super().init_weights()
        self.key_encoders.load_state_dict(self.query_encoders.state_dict())

    def update_key_encoders(self) -> None:
        """Let every key encoder follow its query encoder by one step."""
        momentum_update(self.key_encoders, self.query_encoders, self.momentum)

    def extract_feat(self, inputs: Tensor, modality: str = 'joint') -> Tensor:
        """Encode sequences with the query encoder.

        Args:
            inputs (Tensor): Joint coordinates, shape (N, M, T, V, C).
            modality (str): Which encoder. Defaults to ``'joint'``.

        Returns:
            Tensor: Feature before the projection, not normalised, shape (N, D).
        """
        return self.query_encoders[modality](self.modalities[modality](inputs))

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[ActionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Dispatch as mmengine asks: ``'loss'``, ``'predict'`` or ``'tensor'``.

        Args:
            inputs (Tensor): (N, views, M, T, V, C) for ``'loss'`` and ``'predict'``; (N, M, T, V,
                C) for ``'tensor'``.
            data_samples (list[ActionDataSample], optional): For ``'predict'``.
            mode (str): Defaults to ``'tensor'``.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        return self.extract_feat(inputs, next(iter(self.modalities)))

    def loss(self, inputs: Tensor, data_samples: list[ActionDataSample] | None) -> dict:
        """Return the losses of one step; the method's own."""
        raise NotImplementedError(f'{type(self).__name__} does not say what its loss is')

    def predict(
        self, inputs: Tensor, data_samples: list[ActionDataSample]
    ) -> list[ActionDataSample]:
        """Store each modality's feature, averaged over clips, in the data samples.

        Args:
            inputs (Tensor): Shape (N, clips, M, T, V, C).
            data_samples (list[ActionDataSample]): One a sequence.
        """
        clips = inputs.flatten(0, 1)
        set_features(
            data_samples,
            {
                name: self.extract_feat(clips, name).unflatten(0, inputs.shape[:2]).mean(dim=1)
                for name in self.modalities
            },
        )
        return data_samples

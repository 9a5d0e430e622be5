from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.model import BaseModel, ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_encoder_state
from mmcmd.models.data_preprocessor import SkeletonDataPreprocessor
from mmcmd.models.encoder import SkeletonEncoder, build_with_features
from mmcmd.models.modalities import build_modalities
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout
from mmcmd.structures import get_labels, set_scores


@MODELS.register_module()
class SkeletonClassifier(BaseModel):
    """Downstream classifier: for each modality an encoder and a head, and their score average.

    Frozen encoders make it the linear evaluation protocol, trained ones fine-tuning. The
    modalities share nothing, so training several in one run equals training each alone.

    Args:
        backbone (dict): Encoder of one modality, as in pre-training.
        head (dict): Head of one modality, on features (N, D); its ``in_channels`` may be left
            out.
        modalities (Sequence[str]): Defaults to joint, motion and bone.
        pretrained (str, optional): Pre-training checkpoint whose query encoders are loaded before
            training, or ``'random'`` for encoders as they are initialised.
        frozen (bool): Keep the encoders in ``eval()`` and without gradient. Defaults to True.
        pooling (dict, optional): Reduces a backbone's output to a feature in another way than
            the mean.
        layout (str | dict): Joint layout of the data. Defaults to ``'ntu'``.
        data_preprocessor (dict, optional): Defaults to :class:`SkeletonDataPreprocessor`.
        init_cfg (dict, optional): mmengine's.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        modalities: Sequence[str] = ('joint', 'motion', 'bone'),
        pretrained: str | None = None,
        frozen: bool = True,
        pooling: dict | None = None,
        layout: str | dict = 'ntu',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor or SkeletonDataPreprocessor(), init_cfg)
        self.pretrained = pretrained
        self.layout = get_layout(layout).name
        self.frozen = frozen
        self.modalities = build_modalities(modalities, layout)
        self.encoders = ModuleDict(
            {name: SkeletonEncoder(backbone, layout, pooling) for name in self.modalities}
        )
        self.heads = ModuleDict(
            {name: build_with_features(head, encoder) for name, encoder in self.encoders.items()}
        )
        if frozen:
            self.encoders.requires_grad_(False).eval()

    def init_weights(self) -> None:
        """Load the pre-trained encoders.

        Raises:
            InputError: If no checkpoint is given, or it lacks a modality or is of another
                architecture.
        """
        if self.pretrained is None:
            raise InputError(
                'no pre-trained encoder is given; add --cfg-options '
                'model.pretrained=CHECKPOINT.pth (or model.pretrained=random on purpose)'
            )
        super().init_weights()
        if self.pretrained != 'random':
            for name, encoder in self.encoders.items():
                state = load_encoder_state(self.pretrained, name, encoder, self.layout)
                encoder.load_state_dict(state)

    def train(self, mode: bool = True) -> 'SkeletonClassifier':
        """Set the mode; frozen encoders stay in ``eval()``."""
        super().train(mode)
        if self.frozen:
            self.encoders.eval()
        return self

    def extract_feat(self, inputs: Tensor, modality: str = 'joint') -> Tensor:
        """Encode joint coordinates (N, M, T, V, C) to features (N, D)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return self.encoders[modality](self.modalities[modality](inputs))

    def encode(self, inputs: Tensor) -> Tensor:
        """Encode (N, clips, M, T, V, C) to features (N, clips, S, D) of all S modalities."""
        clips = inputs.flatten(0, 1)
        feats = [self.extract_feat(clips, name) for name in self.modalities]
        return torch.stack(feats, dim=1).unflatten(0, inputs.shape[:2])

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[ActionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Dispatch as mmengine asks.

        Args:
            inputs (Tensor): Coordinates (N, clips, M, T, V, C), or their features
                (N, clips, S, D), encoded before.
            data_samples (list[ActionDataSample], optional): One a sequence, with its label.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'`` (class scores by modality, each
                (N, num_classes), before the softmax).
        """
        feats = inputs if inputs.dim() == 4 else self.encode(inputs)
        scores = {
            name: head(x.flatten(0, 1)).unflatten(0, x.shape[:2]).mean(dim=1)
            for (name, head), x in zip(self.heads.items(), feats.unbind(dim=2), strict=True)
        }
        if mode == 'loss':
            labels = get_labels(data_samples, inputs.device)
            return {f'loss_{name}': F.cross_entropy(x, labels) for name, x in scores.items()}
        if mode == 'predict':
            return self._predict(scores, data_samples)
        return scores

    @staticmethod
    def _predict(
        scores: dict[str, Tensor], data_samples: list[ActionDataSample]
    ) -> list[ActionDataSample]:
        """Store the probabilities of each modality and, as ``{n}s``, their average."""
        streams = {name: x.softmax(dim=1) for name, x in scores.items()}
        if len(streams) > 1:
            streams[f'{len(streams)}s'] = torch.stack(list(streams.values())).mean(dim=0)
        set_scores(data_samples, streams)
        return data_samples

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_encoders
from mmcmd.models.encoder import build_with_features
from mmcmd.models.streams import MODALITIES, StreamModel
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout
from mmcmd.structures import get_labels, set_scores


@MODELS.register_module()
class SkeletonClassifier(StreamModel):
    """Downstream classifier: an encoder and a head per stream, and a fusion of their scores.

    With frozen encoders this is the linear evaluation protocol, and with trained encoders it is
    fine-tuning. The streams share no weights. Unless ``joint_loss`` is set, training several
    streams in one run therefore gives the same result as training each in its own run.

    Args:
        head (dict): Head of one stream, on features (N, D). ``in_channels`` is set if it is
            missing.
        pretrained (str, optional): Pre-training checkpoint whose encoders are loaded before
            training, or ``'random'`` for randomly initialised encoders.
        frozen (bool): Keep the encoders in ``eval()`` and without gradient. Defaults to True.
        norm_eval (bool): Also keep trained encoders in ``eval()``, as in the fine-tuning of AimCLR.
            Defaults to False.
        joint_loss (bool): Train all heads with one cross entropy of the mean of their scores, as in
            CrosSCLR. Defaults to False: each head has its own cross entropy.
        label_smoothing (float): Fraction of the target probability that the loss distributes over
            all classes. Defaults to 0.
        fusion (dict, optional): How to fuse several streams. ``weights`` maps a stream to its
            weight, which defaults to 1. If ``softmax`` is True (the default), probabilities are
            averaged. If it is False, scores are averaged. Weights of modalities that the model does
            not have are ignored.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`.

    Raises:
        InputError: If ``fusion`` has unknown entries, or weights of unknown streams.
    """

    def __init__(
        self,
        head: dict,
        pretrained: str | None = None,
        frozen: bool = True,
        norm_eval: bool = False,
        joint_loss: bool = False,
        label_smoothing: float = 0.0,
        fusion: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pretrained = pretrained
        self.frozen = frozen
        self.norm_eval = norm_eval
        self.joint_loss = joint_loss
        self.label_smoothing = label_smoothing
        self.fusion = {'softmax': True, 'weights': {}} | dict(fusion or {})
        # A config may have weights for three modalities and be used with only one of them.
        weights = {
            name: weight
            for name, weight in self.fusion['weights'].items()
            if name in self.streams or name not in MODALITIES
        }
        self.fusion['weights'] = weights
        if len(self.fusion) > 2 or not set(weights) <= set(self.streams):
            raise InputError(
                f'fusion holds `softmax` and `weights` of the streams {self.streams}, but got '
                f'{dict(fusion)}'
            )
        self._head = head
        self.heads = ModuleDict(
            {name: build_with_features(head, encoder) for name, encoder in self.encoders.items()}
        )
        if frozen:
            self.encoders.requires_grad_(False).eval()

    def init_weights(self) -> None:
        """Load the pre-trained encoders.

        Raises:
            InputError: If no checkpoint is given, or if a stream is missing in it, or if its
                architecture or joint layout does not match.
        """
        if self.pretrained is None:
            raise InputError(
                'no pre-trained encoder is given; add --pretrained CHECKPOINT.pth (or '
                '--pretrained random on purpose)'
            )
        super().init_weights()
        if self.pretrained != 'random':
            load_encoders(self.pretrained, self.encoders, get_layout(self.layout))

    def describe(self) -> dict[str, Any]:
        """Return the options that are needed to build the encoders and heads again."""
        return {**super().describe(), 'head': self._head, 'fusion': self.fusion}

    def train(self, mode: bool = True) -> 'SkeletonClassifier':
        """Set the mode. Frozen encoders stay in ``eval()``."""
        super().train(mode)
        if self.frozen or self.norm_eval:
            self.encoders.eval()
        return self

    def extract_feat(
        self, inputs: Tensor, modality: str | None = None, valid_frames: Tensor | None = None
    ) -> Tensor:
        """Encode joint coordinates (N, M, T, V, C) to features (N, D)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return super().extract_feat(inputs, modality, valid_frames)

    def encode(self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None) -> Tensor:
        """Encode (N, clips, M, T, V, C) to features (N, clips, S, D) of all S streams.

        Raises:
            InputError: If the features of the streams have different sizes.
        """
        feats = list(self.clip_features(inputs, data_samples).values())
        if len({x.shape[-1] for x in feats}) > 1:
            raise InputError(
                'the features of the streams differ in size and cannot be cached together; use '
                'train_cfg.type=ResumableEpochLoop, or one stream per run'
            )
        return torch.stack(feats, dim=2)

    def fit_heads(self, feats: Tensor) -> None:
        """Fit the heads that whiten features to all training features (..., S, D)."""
        for head, feature in zip(self.heads.values(), feats.unbind(dim=-2), strict=True):
            if getattr(head, 'needs_fit', False):
                head.fit(feature.flatten(0, -2))

    def scores(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Return class scores before the softmax, averaged over clips.

        Args:
            inputs (Tensor): Coordinates (N, clips, M, T, V, C), or features (N, clips, S, D) from
                :meth:`encode`.
            data_samples (list[ActionDataSample], optional): They hold the numbers of valid frames.
                Without these, all frames are valid.

        Returns:
            dict[str, Tensor]: Scores (N, num_classes) by stream.
        """
        if inputs.dim() == 4:
            feats = dict(zip(self.streams, inputs.unbind(dim=2), strict=True))
        else:
            feats = self.clip_features(inputs, data_samples)
        return {
            name: self.heads[name](x.flatten(0, 1)).unflatten(0, x.shape[:2]).mean(dim=1)
            for name, x in feats.items()
        }

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[ActionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Run the function that ``mode`` names. For ``'tensor'``, return :meth:`scores`."""
        if mode == 'tensor':
            return self.scores(inputs, data_samples)
        return super().forward(inputs, data_samples, mode)

    def loss(self, inputs: Tensor, data_samples: list[ActionDataSample]) -> dict[str, Tensor]:
        """Return the cross entropy of each stream, or with ``joint_loss`` of the mean score.

        Args:
            inputs (Tensor): As in :meth:`scores`.
            data_samples (list[ActionDataSample]): One per sequence, with its label.

        Returns:
            dict[str, Tensor]: ``loss_{stream}``, or ``loss_fused``, each of shape ().

        Raises:
            InputError: If the heads whiten features, and these are not cached.
        """
        if inputs.dim() != 4 and any(getattr(x, 'needs_fit', False) for x in self.heads.values()):
            raise InputError(
                'a head with `whiten` must see all training features before the training; set '
                'train_cfg.type=CachedFeatureLoop, or model.head.whiten=None'
            )
        scores = self.scores(inputs, data_samples)
        if self.joint_loss:
            scores = {'fused': torch.stack(list(scores.values())).mean(dim=0)}
        labels = get_labels(data_samples, inputs.device)
        return {
            f'loss_{name}': F.cross_entropy(x, labels, label_smoothing=self.label_smoothing)
            for name, x in scores.items()
        }

    def predict(
        self, inputs: Tensor, data_samples: list[ActionDataSample]
    ) -> list[ActionDataSample]:
        """Store the probabilities of each stream and, as ``{n}s``, of the fusion of n streams.

        Args:
            inputs (Tensor): As in :meth:`scores`.
            data_samples (list[ActionDataSample]): One per sequence.

        Returns:
            list[ActionDataSample]: The same samples, with ``pred_scores`` (num_classes,) by stream.
        """
        scores = self.scores(inputs, data_samples)
        streams = {name: x.softmax(dim=1) for name, x in scores.items()}
        if len(streams) > 1:
            streams[f'{len(streams)}s'] = self.fuse(scores)
        set_scores(data_samples, streams)
        return data_samples

    def fuse(self, scores: Mapping[str, Tensor]) -> Tensor:
        """Fuse the scores of the streams, each (N, num_classes), to probabilities."""
        softmax, weights = self.fusion['softmax'], self.fusion['weights']
        given = torch.tensor([weights.get(name, 1.0) for name in scores])
        parts = [x.softmax(dim=1) if softmax else x for x in scores.values()]
        joined = sum(w * x for w, x in zip(given.tolist(), parts, strict=True))
        return joined / given.sum().item() if softmax else joined.softmax(dim=1)

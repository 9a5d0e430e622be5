from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.encoder import build_with_features, steps_of
from mmcmd.models.functional import embedding_std
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.models.temporal_tasks import TemporalJigsaw, first_frames, mask_tail
from mmcmd.registry import MODELS
from mmcmd.structures import get_valid_frames


@MODELS.register_module()
class MS2L(BasePretrainer):
    """MS2L: motion prediction, jigsaw and contrast of one sequence (ACM MM 2020).

    Three versions of a sequence are encoded: the sequence, its visible beginning, and a jigsaw (its
    segments in another order). A decoder predicts the whole sequence from the visible beginning. A
    head classifies the order of the segments from the jigsaw. The contrast moves each of the three
    embeddings towards their mean. As in the released code, all frames are predicted, not only the
    hidden ones, and the mean has a gradient.

    Args:
        decoder (dict, optional): Decoder of a sequence of features. Defaults to a
            :class:`GRUDecoder`.
        jigsaw_head (dict, optional): Head that classifies the order of the segments from a feature.
        contrast_head (dict, optional): Projection of a feature to an embedding.
        temperature (float): Temperature of the contrast. Defaults to 0.9, as in the released code.
        visible (float): Fraction of the valid frames from which the sequence is predicted. Defaults
            to 0.7.
        segments (int): Number of segments of the jigsaw. Defaults to 3.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`.

    Raises:
        InputError: If the temperature, the visible fraction or the number of segments is invalid.
    """

    views: ClassVar[tuple[str, ...]] = ('view',)

    def __init__(
        self,
        decoder: dict | None = None,
        jigsaw_head: dict | None = None,
        contrast_head: dict | None = None,
        temperature: float = 0.9,
        visible: float = 0.7,
        segments: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if temperature <= 0 or not 0 < visible <= 1:
            raise InputError(
                f'MS2L needs a positive temperature and a visible fraction in (0, 1], but got '
                f'temperature={temperature}, visible={visible}; correct it'
            )
        self.temperature = temperature
        self.visible = visible
        self.jigsaw = TemporalJigsaw(segments)
        decoder = {'type': 'GRUDecoder', **(decoder or {})}
        head = {'type': 'ProjectionNeck', 'with_norm': True}
        orders = {'out_channels': self.jigsaw.num_orders}
        self.decoders, self.jigsaw_heads, self.contrast_heads = (ModuleDict() for _ in range(3))
        for name, encoder in self.encoders.items():
            persons, joints, channels = encoder.frame_shape
            frame = {'out_channels': persons * joints * channels}
            self.decoders[name] = build_with_features({**decoder, **frame}, encoder)
            config = {**head, **(jigsaw_head or {}), **orders}
            self.jigsaw_heads[name] = build_with_features(config, encoder)
            config = {**head, **(contrast_head or {})}
            self.contrast_heads[name] = build_with_features(config, encoder)

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step.

        Args:
            inputs (Tensor): One view, shape (N, 1, M, T, V, C).
            data_samples (list[ActionDataSample], optional): They hold the numbers of valid frames.
                Without these, all frames are valid.

        Returns:
            dict[str, Tensor]: For each stream ``loss_{stream}`` (contrast), ``loss_mse_{stream}``
            (motion prediction) and ``loss_jigsaw_{stream}``, and ``acc_{stream}``,
            ``acc_jigsaw_{stream}`` and ``std_{stream}``.

        Raises:
            InputError: If the batch has only one sample, or the clips are too short for a jigsaw.
        """
        if len(inputs) < self.min_samples:
            raise InputError(
                f'MS2L contrasts the samples of a batch and needs {self.min_samples} or more on '
                f'each rank, but got {len(inputs)}; raise train_dataloader.batch_size'
            )
        labels = self.jigsaw.draw(self.generator, len(inputs))
        valid = get_valid_frames(data_samples, inputs.device)
        if valid is None:
            valid = torch.full((len(inputs), 1), inputs.shape[3], device=inputs.device)
        return self.losses_of(
            inputs[:, 0], valid[:, 0], labels.to(inputs.device, non_blocking=True)
        )

    def losses_of(self, joints: Tensor, valid: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Compute the losses with given orders of the segments.

        Args:
            joints (Tensor): Shape (N, M, T, V, C).
            valid (Tensor): Numbers of valid frames, shape (N,).
            labels (Tensor): Index of the order of each sample, shape (N,).

        Returns:
            dict[str, Tensor]: See :meth:`loss`.
        """
        num_frames = joints.shape[2]
        views = [joints, mask_tail(joints, valid, self.visible)]
        valid = self.jigsaw.usable_frames(valid, num_frames)
        views.append(self.jigsaw.apply(joints, valid, labels))
        losses = {}
        for name, encoder in self.encoders.items():
            target, *others = (encoder.modality(view) for view in views)
            maps = encoder.encode_modality([target, *others])
            features = [encoder.pool_valid(x, valid, num_frames) for x in maps]

            prediction = self.decoders[name](steps_of(maps[1], num_frames))
            losses[f'loss_mse_{name}'] = prediction_error(prediction, target, valid)

            scores = self.jigsaw_heads[name](features[2]).float()
            losses[f'loss_jigsaw_{name}'] = F.cross_entropy(scores, labels)
            losses[f'acc_jigsaw_{name}'] = (scores.argmax(dim=1) == labels).float().mean()

            embeddings = [self.contrast_heads[name](x).float() for x in features]
            mean = sum(embeddings) / len(embeddings)
            terms = [contrast_pairs(x, mean, self.temperature) for x in embeddings]
            for key, values in zip(('loss', 'acc'), zip(*terms, strict=True), strict=True):
                losses[f'{key}_{name}'] = sum(values) / len(values)
            losses[f'std_{name}'] = embedding_std(F.normalize(embeddings[0], dim=1))
        return losses


def prediction_error(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Compute the mean squared error of all coordinates. Predictions for padding are set to 0.

    As in the released code, the target is not set to 0 there. It may hold a repeated sequence.

    Args:
        prediction (Tensor): Shape (N, T, C * V * M).
        target (Tensor): Shape (N, M, T, V, C).
        valid (Tensor): Numbers of valid frames, shape (N,).

    Returns:
        Tensor: Shape ().
    """
    frames = target.permute(0, 2, 4, 3, 1).flatten(2)  # (C, V, M), the order of the released code
    kept = first_frames(target.shape[2], valid)[..., None]
    return F.mse_loss(prediction.float() * kept, frames.float())


def contrast_pairs(first: Tensor, second: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Contrast each embedding with its partner among all embeddings of the batch.

    As in the released code, the similarity of an embedding to itself is set to -1 and stays in the
    sum of the softmax.

    Args:
        first (Tensor): Shape (N, D).
        second (Tensor): The partner of each, shape (N, D).
        temperature (float): The similarities are divided by it.

    Returns:
        tuple[Tensor, Tensor]: Mean cross entropy and accuracy of the 2N embeddings, shape ().
    """
    first, second = F.normalize(first, dim=1), F.normalize(second, dim=1)
    logits = torch.cat([first, second]) @ torch.cat([second, first]).T
    own = torch.arange(len(logits), device=logits.device)  # the column of the partner
    itself = own.roll(len(first))
    logits = logits.index_put((own, itself), logits.new_tensor(-1.0)) / temperature
    accuracy = (logits.argmax(dim=1) == own).float().mean()
    return F.cross_entropy(logits, own), accuracy

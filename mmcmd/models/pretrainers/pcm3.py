from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.models.encoder import joints_of, steps_of
from mmcmd.models.functional import embedding_std
from mmcmd.models.masking import BodyPartMask, first_person_alone, masked_mse
from mmcmd.models.mixing import BodyPartMix, Mix, mix_keys, mix_samples
from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.models.prompts import IDLE, PROMPTS, Prompts
from mmcmd.registry import MODELS

QUERIES = ('base', 'mask', 'recons', 'mix')
"""Names of the four embeddings of a sample that are contrasted with keys."""


@dataclass(frozen=True)
class Draws:
    """The random numbers of a step. All samples of a batch share them.

    Attributes:
        kept (Tensor): False where a joint of the first person is masked, shape (T, V), bool.
        mix (Mix): Description of the mixing of the query views.
        starts (dict[str, int]): Index of the first channel to which a feature prompt is added, for
            each of :data:`QUERIES`, for ``'key'`` and for the input of the decoder, ``'decode'``.
    """

    kept: Tensor
    mix: Mix
    starts: dict[str, int]


@MODELS.register_module()
class PCM3(MomentumContrast):
    """Prompted Contrast with Masked Motion Modeling (ACM MM 2023, https://arxiv.org/abs/2308.03975).

    Four embeddings of a sample are contrasted with keys. They are the embeddings of the query view,
    of the mixed query view, of the masked view, and of the filled view, in which a decoder predicts
    the hidden joints of the masked view. The decoder also has a loss on the hidden joints.
    Learnable prompts mark for the encoder and the projection which kind of view the input is.

    The streams share no weights. As in the released code, only the joint stream has prompts. In the
    other streams, the queries do not learn the similarities of the keys to the queue, and the
    filled view gives the decoder no gradient.

    Args:
        decoder (dict, optional): Options of :class:`GRUDecoder`, without the sizes of a feature
            and a frame.
        similarity_head (dict, optional): Options of :class:`SimilarityHead`.
        masking, mixing (dict, optional): Options of :class:`BodyPartMask` and :class:`BodyPartMix`.
        mse_weight (float): Weight of the prediction of hidden joints. Defaults to 40.
        prompt_streams (Sequence[str]): Streams with prompts. Defaults to ``('joint',)``.
        prompt_size (int, optional): ``size`` of :class:`Prompts`.
        idle_prompts (bool): Keep the five prompts that have no effect, because a BatchNorm
            subtracts them. The released code has them. Without them, the losses are the same.
            Defaults to True.
        **kwargs: ``modalities``, ``backbone``, ``neck``, ``queue``, ``head``, ``pooling``,
            ``momentum``, ``layout`` of :class:`MomentumContrast`.

    Raises:
        InputError: If the layout has no body parts, or an option of a component is invalid.
    """

    views: ClassVar[tuple[str, ...]] = ('query', 'key', 'masked')
    min_samples: ClassVar[int] = BodyPartMix.min_samples

    def __init__(
        self,
        decoder: dict | None = None,
        similarity_head: dict | None = None,
        masking: dict | None = None,
        mixing: dict | None = None,
        mse_weight: float = 40.0,
        prompt_streams: Sequence[str] = ('joint',),
        prompt_size: int | None = None,
        idle_prompts: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.similarity_head = MODELS.build({'type': 'SimilarityHead', **(similarity_head or {})})
        self.masking = BodyPartMask(self.layout, **(masking or {}))
        self.mixing = BodyPartMix(self.layout, **(mixing or {}))
        self.mse_weight = mse_weight
        self.prompt_streams = tuple(prompt_streams)
        self.decoders, self.prompts = ModuleDict(), ModuleDict()
        names = PROMPTS if idle_prompts else [x for x in PROMPTS if x not in IDLE]
        for stream, encoder in self.encoders.items():
            size, frame_shape = encoder.feature_size(), encoder.frame_shape
            sizes = dict(in_channels=size, out_channels=prod(frame_shape))
            config = {'type': 'GRUDecoder', 'bottleneck': True, **(decoder or {}), **sizes}
            self.decoders[stream] = MODELS.build(config)
            own = names if stream in self.prompt_streams else ()
            self.prompts[stream] = Prompts(size, frame_shape, prompt_size, own)

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step, and update the key encoders and queues.

        Args:
            inputs (Tensor): Query, key and masked view, shape (N, 3, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: For each stream the InfoNCE losses ``loss_{stream}`` and
            ``loss_{mask,recons,mix}_{stream}``, the weighted ``loss_mse_{stream}``, with prompts
            ``loss_sim_{stream}``, and ``acc_{stream}`` and ``std_{stream}``.

        Raises:
            InputError: If the batch is too small or the clips are too short for mixing.
        """
        losses = {}
        for name in self.streams:
            losses |= self._stream_losses(name, inputs, self.draw(name, inputs))
        return losses

    def draw(self, stream: str, inputs: Tensor) -> Draws:
        """Draw the random numbers of a step for one stream and views (N, 3, M, T, V, C)."""
        num_frames = inputs.shape[3]
        kept = self.masking.kept(self.masking.draw(self.generator, num_frames), num_frames)
        mix = self.mixing.draw(self.generator, len(inputs), num_frames)
        start = self.prompts[stream].draw
        starts = {use: start(self.generator) for use in (*QUERIES, 'key', 'decode')}
        return Draws(kept, mix, starts)

    def _stream_losses(self, name: str, inputs: Tensor, draws: Draws) -> dict[str, Tensor]:
        modality, encoders = self.encoders[name].modality, self.encoders
        query_view, key_view, target = map(modality, inputs.unbind(dim=1))
        mixed_view = mix_samples(query_view, draws.mix)
        kept = first_person_alone(draws.kept.to(inputs.device, non_blocking=True), inputs.shape[2])
        masked_view = target * kept

        self.update_keys([name])
        with torch.no_grad():
            (key_map,) = self._encode(name, self.key_encoders, base=key_view).values()
            feature = self._pool(name, self.key_encoders, key_map, draws.starts['key'])
            key = self.project_key(feature, name)
            mixed_key = mix_keys(key, draws.mix)

        # The encoder processes two views at a time. Their order is that of the released code,
        # because it changes the statistics of the BatchNorm.
        maps = self._encode(name, encoders, base=query_view, mask=masked_view)
        filled, prediction = self._predict(name, maps['mask'], draws.starts['decode'], inputs)
        filled_view = torch.where(kept, masked_view, filled)
        maps |= self._encode(name, encoders, recons=filled_view, mix=mixed_view)
        features = {x: self._pool(name, encoders, maps[x], draws.starts[x]) for x in QUERIES}
        queries = {use: self.project(feature, name) for use, feature in features.items()}

        losses = self._contrast(name, queries, key, mixed_key)
        losses[f'loss_mse_{name}'] = self.mse_weight * masked_mse(prediction, target, kept)
        losses[f'std_{name}'] = embedding_std(queries['base'])
        self.queues[name].enqueue(key)
        return losses

    def _encode(self, name: str, encoders: ModuleDict, **views: Tensor) -> dict[str, Tensor]:
        """Add to each view the prompt with its name, and return feature maps (N, M, D, T', V)."""
        prompted = [self.prompts[name].on_frames(use, view) for use, view in views.items()]
        return dict(zip(views, encoders[name].encode_modality(prompted), strict=True))

    def _pool(self, name: str, encoders: ModuleDict, feature_map: Tensor, start: int) -> Tensor:
        """Pool a feature map to features (N, D), and add the prompt of the projection."""
        return self.prompts[name].on_feature('contrast', encoders[name].pool(feature_map), start)

    def _predict(
        self, name: str, feature_map: Tensor, start: int, inputs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Predict all joints of the masked view from its feature map.

        Returns:
            tuple[Tensor, Tensor]: The same prediction twice, (N, M, T, V, C). The gradient of the
            first stops at the input of the decoder, or without prompts at its output.
        """
        steps = steps_of(feature_map, inputs.shape[3])
        steps = self.prompts[name].on_feature('decode', steps, start)
        prompted = name in self.prompt_streams
        decoded = self.decoders[name].decode([steps.detach(), steps] if prompted else [steps])
        joints = [joints_of(x, self.encoders[name].frame_shape) for x in decoded]
        return (joints[0] if prompted else joints[0].detach()).to(inputs.dtype), joints[-1]

    def _contrast(
        self, name: str, queries: dict[str, Tensor], key: Tensor, mixed_key: Tensor
    ) -> dict[str, Tensor]:
        """Compare the four queries with the keys and the queue."""
        queue, losses, sim = self.queues[name], {}, f'loss_sim_{name}'
        similarities = queue.similarities(torch.cat([queries[use] for use in QUERIES]))
        teachers = queue.similarities(torch.cat([key, mixed_key])).chunk(2)
        for use, student in zip(QUERIES, similarities.chunk(len(QUERIES)), strict=True):
            mixed = use == 'mix'  # only this query has its own key and teacher
            loss, accuracy = self.head(queries[use], mixed_key if mixed else key, student)
            losses[f'loss_{name}' if use == 'base' else f'loss_{use}_{name}'] = loss
            losses.setdefault(f'acc_{name}', accuracy)
            if name in self.prompt_streams:
                losses[sim] = losses.get(sim, 0) + self.similarity_head(teachers[mixed], student)
        return losses

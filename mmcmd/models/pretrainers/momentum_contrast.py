from collections.abc import Iterable
from copy import deepcopy
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.encoder import SkeletonEncoder, build_with_features, encode_streams
from mmcmd.models.functional import embedding_std, momentum_update
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.registry import MODELS


class MomentumContrast(BasePretrainer):
    """Base class of methods with momentum contrast: necks, key encoders and queues.

    Each stream has a query encoder and neck, a key encoder and neck, and a queue of keys. The key
    encoder and the key neck have the same structure as those of the queries. They get no gradient.
    Instead, each step moves their weights a little towards the weights of the query encoder and
    neck.

    Args:
        neck (dict, optional): Projection of a feature (N, D) to an embedding. Its ``in_channels``
            is set from the encoder if it is missing. Without a neck, the feature is the embedding.
        queue (dict): Options of :class:`KeyQueue`. Its ``feat_dim`` is set from the neck if it is
            missing.
        head (dict): Contrastive loss, such as :class:`MoCoHead`.
        momentum (float): Fraction taken from the query encoder in each step, in (0, 1]. Defaults
            to 0.001.
        copy_keys (bool): Initialise the key encoders with the weights of the query encoders.
            Defaults to True. With False, modules with an ``init_cfg`` get other random weights.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`.

    Attributes:
        normalize (bool): Whether embeddings are L2-normalised. The class of the method sets it.
            Defaults to True.

    Raises:
        InputError: If ``momentum`` is outside (0, 1], or the sizes do not match.
    """

    views: ClassVar[tuple[str, ...]] = ('query', 'key')
    normalize: ClassVar[bool] = True

    def __init__(
        self,
        neck: dict | None = None,
        queue: dict | None = None,
        head: dict | None = None,
        momentum: float = 0.001,
        copy_keys: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < momentum <= 1:
            raise InputError(
                f'momentum is the fraction taken from the query encoder, in (0, 1], but got '
                f'{momentum}'
            )
        self.momentum = momentum
        self.copy_keys = copy_keys
        self.necks = ModuleDict(self.build_necks(neck))
        self.key_encoders = deepcopy(self.encoders).requires_grad_(False)
        self.key_necks = deepcopy(self.necks).requires_grad_(False)
        self.queues = ModuleDict(
            {name: self._build_queue(queue or {}, neck, x) for name, x in self.encoders.items()}
        )
        self.head = MODELS.build(head or dict(type='MoCoHead'))

    def build_necks(self, neck: dict | None) -> dict[str, torch.nn.Module]:
        """Build the neck of each stream. Methods with shared necks override this."""
        return {
            name: build_with_features(neck, x) if neck else torch.nn.Identity()
            for name, x in self.encoders.items()
        }

    @staticmethod
    def _build_queue(queue: dict, neck: dict | None, encoder: SkeletonEncoder) -> torch.nn.Module:
        """Build the queue of a stream, for keys as long as its embeddings."""
        size = neck.get('out_channels') if neck else encoder.feature_size()
        return MODELS.build(
            {'type': 'KeyQueue', **({} if size is None else {'feat_dim': size}), **queue}
        )

    def init_weights(self) -> None:
        """Initialise as configured, then copy the query weights to the key encoders and necks."""
        super().init_weights()
        if self.copy_keys:
            self.key_encoders.load_state_dict(self.encoders.state_dict())
            self.key_necks.load_state_dict(self.necks.state_dict())

    def update_keys(self, streams: Iterable[str] | None = None) -> None:
        """Update the key encoders and key necks by one step of the momentum.

        Each stream is updated separately. A module that several streams share is updated once for
        each of these streams.

        Args:
            streams (Iterable[str], optional): Names of the streams to update. Defaults to all.
        """
        for name in self.streams if streams is None else streams:
            for keys, queries in (
                (self.key_encoders[name], self.encoders[name]),
                (self.key_necks[name], self.necks[name]),
            ):
                momentum_update(keys, queries, self.momentum)

    def project(self, feature: Tensor, stream: str) -> Tensor:
        """Project features (N, D) to query embeddings, in float32 or wider."""
        return self._embed(self.necks[stream], feature)

    def query(self, view: Tensor, stream: str) -> Tensor:
        """Encode a view (N, M, T, V, C) to queries (N, D)."""
        return self.project(self.encoders[stream](view), stream)

    @torch.no_grad()
    def key(self, view: Tensor, stream: str) -> Tensor:
        """Encode a view (N, M, T, V, C) to keys (N, D), without gradient."""
        return self.project_key(self.key_encoders[stream](view), stream)

    @torch.no_grad()
    def project_key(self, feature: Tensor, stream: str) -> Tensor:
        """Project features (N, D) of the key encoder to keys, without gradient."""
        return self._embed(self.key_necks[stream], feature)

    def queries(self, view: Tensor) -> dict[str, Tensor]:
        """Encode a view (N, M, T, V, C) in all streams to queries (N, D)."""
        features = encode_streams(self.encoders, view)
        return {name: self.project(feature, name) for name, feature in features.items()}

    @torch.no_grad()
    def keys(self, view: Tensor) -> dict[str, Tensor]:
        """Encode a view (N, M, T, V, C) in all streams to keys (N, D)."""
        features = encode_streams(self.key_encoders, view)
        return {name: self.project_key(feature, name) for name, feature in features.items()}

    def contrast(
        self, stream: str, query: Tensor, key: Tensor, similarities: Tensor
    ) -> dict[str, Tensor]:
        """Contrast the queries of a stream with their keys and a queue.

        Args:
            stream (str): Name of the stream of the queries.
            query (Tensor): L2-normalised queries, shape (N, D).
            key (Tensor): The key of each query, shape (N, D).
            similarities (Tensor): Similarities of the queries to the queue, shape (N, Q).

        Returns:
            dict[str, Tensor]: ``loss_{stream}`` (InfoNCE), ``acc_{stream}`` and ``std_{stream}``
            (:func:`embedding_std` of the queries).
        """
        loss, accuracy = self.head(query, key, similarities)
        return {
            f'loss_{stream}': loss,
            f'acc_{stream}': accuracy,
            f'std_{stream}': embedding_std(query),
        }

    def _embed(self, neck: torch.nn.Module, feature: Tensor) -> Tensor:
        embedding = neck(feature)
        embedding = embedding.to(torch.promote_types(embedding.dtype, torch.float32))
        return F.normalize(embedding, dim=1) if self.normalize else embedding

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.dist import get_rank
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_encoders
from mmcmd.models.encoder import build_with_features
from mmcmd.models.functional import embedding_std
from mmcmd.models.gather import gather_with_gradient
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.models.queue import KeyQueue
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout
from mmcmd.structures import get_sample_ids


@MODELS.register_module()
class STARS(BasePretrainer):
    """STARS: tune the encoder of a masked method by predicting nearest neighbours.

    arXiv 2407.10935. Each embedding is replaced by its nearest neighbour in a queue, which holds
    earlier embeddings of other sequences. The prediction from the other view must be more similar
    to this neighbour than the predictions of the other sequences of the batch. The encoder is that
    of MAMP. There is no momentum encoder.

    Args:
        encoder_from (str, optional): Checkpoint with the initial weights of the encoders. Without
            it, the initial weights are random, and the neighbours have no meaning.
        neck (dict, optional): Options of :class:`NeighbourHead`.
        queue (dict, optional): Options of :class:`KeyQueue`. ``size`` defaults to 32768.
        temperature (float): The similarities are divided by it. Defaults to 0.07.
        both_gradients (bool): Compute a gradient for the second view too. Defaults to False, as in
            the released code. Then only the first view has a gradient, and the mean over both views
            divides it by two.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`.
    """

    views: ClassVar[tuple[str, ...]] = ('first', 'second')

    def __init__(
        self,
        encoder_from: str | None = None,
        neck: dict | None = None,
        queue: dict | None = None,
        temperature: float = 0.07,
        both_gradients: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.encoder_from = encoder_from
        self.temperature = temperature
        self.both_gradients = both_gradients
        self.necks, self.queues = ModuleDict(), ModuleDict()
        for name, encoder in self.encoders.items():
            config = {'type': 'NeighbourHead', **(neck or {})}
            self.necks[name] = build_with_features(config, encoder)
            config = {'type': 'KeyQueue', 'size': 32768, **(queue or {}), 'with_ids': True}
            self.queues[name] = MODELS.build({**config, 'feat_dim': encoder.feature_size()})

    def init_weights(self) -> None:
        """Load the encoders of ``encoder_from``.

        Raises:
            InputError: If the streams, sizes or joints of the checkpoint do not match.
        """
        super().init_weights()
        if self.encoder_from is not None:
            load_encoders(self.encoder_from, self.encoders, get_layout(self.layout))

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step.

        Args:
            inputs (Tensor): Two views, shape (N, 2, M, T, V, C). In the released code, both are the
                same.
            data_samples (list[ActionDataSample], optional): They hold the sample ids.

        Returns:
            dict[str, Tensor]: ``loss_{stream}``, ``acc_{stream}`` and ``std_{stream}``.

        Raises:
            InputError: If the samples have no ids. A sequence could then be its own neighbour.
        """
        ids, losses = sample_ids(data_samples, inputs.device), {}
        for name in self.streams:
            first, second = self.embed(name, inputs)
            queue = self.queues[name]
            neighbours = [nearest_keys(queue, z, ids) for z, _ in (first, second)]
            pairs = (neighbours[1], first[1]), (neighbours[0], second[1])
            terms = [neighbour_nce(key, x, self.temperature) for key, x in pairs]
            losses[f'loss_{name}'] = (terms[0][0] + terms[1][0]) / 2
            losses[f'acc_{name}'] = terms[0][1]
            losses[f'std_{name}'] = embedding_std(first[0])
            queue.enqueue(first[0].detach(), ids)
        return losses

    def embed(self, stream: str, inputs: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the projection (N, D) and the prediction (N, D) of each view."""
        encoder, neck = self.encoders[stream], self.necks[stream]
        found = []
        for view, has_gradient in zip(inputs.unbind(1), (True, self.both_gradients), strict=True):
            with torch.set_grad_enabled(torch.is_grad_enabled() and has_gradient):
                found.append(neck(encoder(view)))
        return found


def sample_ids(data_samples: Sequence[ActionDataSample] | None, device: torch.device) -> Tensor:
    """Return the ids of the samples of a batch, shape (N,).

    Raises:
        InputError: If the samples have no ids.
    """
    if not data_samples or 'sample_idx' not in data_samples[0].metainfo:
        raise InputError(
            'the queue keeps the ids of samples, but the pipeline gives none; add sample_idx to '
            'the meta_keys of PackActionInputs in train_dataloader.dataset.pipeline'
        )
    return get_sample_ids(data_samples, device)


@torch.no_grad()
def nearest_keys(queue: KeyQueue, embeddings: Tensor, ids: Tensor) -> Tensor:
    """Find for each embedding the nearest key that belongs to another sample.

    Args:
        queue (KeyQueue): A queue with sample ids.
        embeddings (Tensor): L2-normalised, shape (N, D).
        ids (Tensor): Sample ids of the embeddings, shape (N,).

    Returns:
        Tensor: The keys, without gradient, shape (N, D).
    """
    own = queue.ids == ids[:, None]
    similarities = queue.similarities(embeddings.detach()).masked_fill(own, -1)
    return queue.queue[:, similarities.argmax(dim=1)].T


def neighbour_nce(
    neighbours: Tensor, predictions: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Contrast each neighbour with the predictions of the whole batch.

    Args:
        neighbours (Tensor): Keys without gradient, shape (N, D).
        predictions (Tensor): Predictions of the same samples, shape (N, D).
        temperature (float): The similarities are divided by it.

    Returns:
        tuple[Tensor, Tensor]: Cross entropy and accuracy, shape (). The predictions of all ranks
        are compared.
    """
    logits = neighbours @ gather_with_gradient(predictions).T / temperature
    own = torch.arange(len(logits), device=logits.device) + get_rank() * len(logits)
    accuracy = (logits.argmax(dim=1) == own).float().mean()
    return F.cross_entropy(logits, own), accuracy

from collections.abc import Sequence
from itertools import permutations
from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.registry import MODELS


@MODELS.register_module()
class CMD(MomentumContrast):
    """Cross-modal Mutual Distillation (ECCV 2022, https://arxiv.org/abs/2208.12448).

    Each stream contrasts its queries with its own queue (Eq. 1). For each (teacher, student) pair
    of streams, the keys of the teacher are compared with their nearest neighbours in the queue of
    the teacher. The queries of the student learn these similarities (Eq. 3). With one stream, or
    without pairs, this is the MoCo v2 baseline.

    Args:
        distill_head (dict, optional): Distillation head, such as :class:`CMDHead`. Without it,
            there is no distillation.
        pairs (Sequence[tuple[str, str]], optional): Pairs (teacher, student). Defaults to all
            ordered pairs of streams.
        **kwargs: ``modalities``, ``backbone``, ``neck``, ``queue``, ``head``, ``pooling``,
            ``momentum``, ``layout`` of :class:`MomentumContrast`.

    Raises:
        InputError: If a pair contains an unknown stream or the same stream twice, or if
            ``distill_head.topk`` is larger than the queue.
    """

    capturable: ClassVar[bool] = True

    def __init__(
        self,
        distill_head: dict | None = None,
        pairs: Sequence[tuple[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pairs = self._check_pairs(permutations(self.streams, 2) if pairs is None else pairs)
        self.distill_head = MODELS.build(distill_head) if distill_head and self.pairs else None
        size = self.queues[self.streams[0]].size
        if self.distill_head and self.distill_head.topk > size:
            raise InputError(
                f'distill_head.topk={self.distill_head.topk} neighbours cannot be found in a '
                f'queue of queue.size={size} keys; lower topk or raise the size of the queue'
            )

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step, and update the key encoders and queues (Algorithm 1).

        Args:
            inputs (Tensor): Query and key view, shape (N, 2, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used; no label is needed.

        Returns:
            dict[str, Tensor]: For each stream ``loss_{stream}`` (Eq. 1), ``acc_{stream}``
            (contrastive accuracy) and ``std_{stream}`` (:func:`embedding_std` of the queries), and
            ``loss_cmd`` (weighted sum over the pairs, Eq. 4).
        """
        query_view, key_view = inputs.unbind(dim=1)
        self.update_keys()

        # The keys are computed first. The memory of this pass is released before the queries are
        # computed, which keep their activations for the gradient.
        keys, teachers = self.keys(key_view), {}
        if self.distill_head:
            with torch.no_grad():
                teachers = {name: self.queues[name].similarities(x) for name, x in keys.items()}
        losses, students = {}, {}
        for name, query in self.queries(query_view).items():
            students[name] = self.queues[name].similarities(query)
            losses |= self.contrast(name, query, keys[name], students[name])

        if self.distill_head:
            losses['loss_cmd'] = self.distill_head(teachers, students, self.pairs)
        for name, key in keys.items():
            self.queues[name].enqueue(key)
        return losses

    def _check_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        pairs = tuple((teacher, student) for teacher, student in pairs)
        for teacher, student in pairs:
            if teacher == student or not {teacher, student} <= set(self.streams):
                raise InputError(
                    f'a distillation pair is (teacher, student), two different streams of '
                    f'{self.streams}, but got {(teacher, student)}'
                )
        return pairs

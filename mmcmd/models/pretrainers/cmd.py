from collections.abc import Sequence
from itertools import permutations
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.functional import spread
from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.registry import MODELS


@MODELS.register_module()
class CMD(MomentumContrast):
    """Cross-modal Mutual Distillation (ECCV 2022, https://arxiv.org/abs/2208.12448).

    Each modality contrasts its queries with its own queue (Eq. 1), and for each ordered pair the
    student's queries learn the teacher keys' similarity to their nearest neighbours (Eq. 3). One
    modality, or no pairs, is the MoCo v2 baseline.

    Args:
        modalities (Sequence[str]): Defaults to joint, motion and bone.
        distill_head (dict, optional): Distillation head; without it nothing is distilled.
        pairs (Sequence[tuple[str, str]], optional): (teacher, student); all ordered pairs of
            modalities by default.
        **kwargs: ``backbone``, ``neck``, ``head``, ``pooling``, ``momentum``, ``layout`` of
            :class:`MomentumContrast`.

    Raises:
        InputError: If a pair names a modality that is not there or twice the same one, or K is
            larger than the queue.
    """

    def __init__(
        self,
        modalities: Sequence[str] = ('joint', 'motion', 'bone'),
        distill_head: dict | None = None,
        pairs: Sequence[tuple[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(modalities=modalities, **kwargs)
        self.pairs = self._check_pairs(permutations(self.modalities, 2) if pairs is None else pairs)
        self.distill_head = MODELS.build(distill_head) if distill_head and self.pairs else None
        queue_size = next(iter(self.heads.values())).queue_size
        if self.distill_head and self.distill_head.topk > queue_size:
            raise InputError(
                f'distill_head.topk={self.distill_head.topk} neighbours cannot be found in a '
                f'queue of head.queue_size={queue_size} keys; lower topk or raise queue_size'
            )

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step and advance key encoders and queues (Algorithm 1).

        Args:
            inputs (Tensor): Query and key view, shape (N, 2, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used: no label is seen.

        Returns:
            dict[str, Tensor]: ``loss_{modality}`` (Eq. 1), ``acc_{modality}`` (contrastive
            accuracy), ``std_{modality}`` (:func:`spread` of the queries) and ``loss_cmd``
            (weighted sum over the pairs, Eq. 4).
        """
        query_view, key_view = inputs.unbind(dim=1)
        self.update_key_encoders()

        losses, keys, students, teachers = {}, {}, {}, {}
        for name, modality in self.modalities.items():
            head = self.heads[name]
            # The key first: what its encoder needed is free again for what the query's must keep.
            with torch.no_grad():
                key = keys[name] = self.key_encoders[name].embed(modality(key_view))
                if self.distill_head:
                    teachers[name] = head.similarities(key)
            query = self.query_encoders[name].embed(modality(query_view))
            students[name] = head.similarities(query)
            losses[f'loss_{name}'], losses[f'acc_{name}'] = head(query, key, students[name])
            losses[f'std_{name}'] = spread(query)

        if self.distill_head:
            losses['loss_cmd'] = self.distill_head(teachers, students, self.pairs)
        for name, key in keys.items():
            self.heads[name].enqueue(key)
        return losses

    def _check_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        pairs = tuple((teacher, student) for teacher, student in pairs)
        for teacher, student in pairs:
            if teacher == student or not {teacher, student} <= set(self.modalities):
                raise InputError(
                    f'a distillation pair is (teacher, student), two different ones of '
                    f'{tuple(self.modalities)}, but got {(teacher, student)}'
                )
        return pairs

from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import cos, pi
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.functional import embedding_std, momentum_update
from mmcmd.models.pretrainers.base import BasePretrainer
from mmcmd.models.prototypes import assignment_loss, koleo, prototype_log_probs, sinkhorn
from mmcmd.models.tokens import TubeMask, patch_steps
from mmcmd.registry import MODELS

LOCAL = 'long', 'medium', 'short'
"""Groups of local views."""


@MODELS.register_module()
class SLiM(BasePretrainer):
    """SLiM: masked views predict the prototypes that a teacher assigns to whole ones.

    arXiv 2603.10648. A student sees two global views of one person, half of which are masked in a
    batch, and eight masked local views. A teacher, which follows the student by momentum, sees the
    global views without masks.
    The class token of each student view predicts the prototypes of the teacher's class token of
    another view, and masked tokens those of the teacher's tokens at the same places. The teacher's
    prototypes are balanced over the batch (Sinkhorn). KoLeo spreads the class tokens. There is no
    decoder.

    ``encoders`` and ``necks`` are the teacher's, which evaluations use. ``students`` and
    ``student_necks`` are trained.

    Args:
        neck (dict, optional): Options of :class:`PrototypeHead`; there is one for class tokens and
            one for the others.
        masking (dict, optional): Options of :class:`TubeMask`.
        momentum (float): Fraction that the teacher takes from the student in a step, at the
            beginning. It falls to 0 by half a cosine. Defaults to 0.006: 0.994 stays.
        teacher_temperature (Sequence[float]): At the beginning, and after the warm-up. Defaults to
            (0.04, 0.07).
        temperature_warmup (float): Share of the training in which it rises. Defaults to 0.2.
        student_temperature (float): Defaults to 0.1.
        koleo_weight (float): Defaults to 0.1.
        **kwargs: ``modalities``, ``backbone``, ``pooling``, ``layout``, ``data_preprocessor`` and
            ``init_cfg`` of :class:`StreamModel`. The backbone must have ``encode``, as
            :class:`RotaryTransformer` has.

    Raises:
        InputError: If a backbone has no class token, or the momentum is outside [0, 1].
    """

    views: ClassVar[Mapping[str, int]] = {'global': 2, 'long': 2, 'medium': 4, 'short': 2}

    def __init__(
        self,
        neck: dict | None = None,
        masking: dict | None = None,
        momentum: float = 0.006,
        teacher_temperature: Sequence[float] = (0.04, 0.07),
        temperature_warmup: float = 0.2,
        student_temperature: float = 0.1,
        koleo_weight: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise InputError(
                f'momentum is the fraction taken from the student, in [0, 1], but is {momentum}'
            )
        self.masking = TubeMask(**{'layout': self.layout, **(masking or {})})
        self.momentum = momentum
        self.teacher_temperature = tuple(teacher_temperature)
        self.temperature_warmup = temperature_warmup
        self.student_temperature = student_temperature
        self.koleo_weight = koleo_weight
        self.necks = ModuleDict()
        for name, encoder in self.encoders.items():
            if not hasattr(encoder.backbone, 'encode'):
                raise InputError(
                    f'SLiM needs a class token, which {type(encoder.backbone).__name__} of stream '
                    f'{name!r} does not have; choose --encoder rotary'
                )
            size = encoder.backbone.norm.normalized_shape[0]
            config = {'type': 'PrototypeHead', 'in_channels': size, **(neck or {})}
            heads = {part: MODELS.build(config) for part in ('class', 'patch')}
            self.necks[name] = ModuleDict(heads)
        self.students, self.student_necks = deepcopy(self.encoders), deepcopy(self.necks)
        self.encoders.requires_grad_(False)
        self.necks.requires_grad_(False)

    def init_weights(self) -> None:
        """Initialise as configured, then copy the teacher to the student."""
        super().init_weights()
        self.students.load_state_dict(self.encoders.state_dict())
        self.student_necks.load_state_dict(self.necks.state_dict())

    def loss(
        self, inputs: dict[str, Tensor], data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step.

        Args:
            inputs (dict[str, Tensor]): Groups of views of one person, see ``views``; each of shape
                (N, views, 1, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: For each stream ``loss_{stream}``, its weighted terms (``global_``,
            ``local_``, ``koleo_`` and ``masked_{stream}``) and ``std_{stream}``.

        Raises:
            InputError: If the views have several persons.
        """
        # View by view, as the masks are: (views N, 1, T, V, C)
        clips = {group: x.transpose(0, 1).flatten(0, 1) for group, x in inputs.items()}
        if (persons := clips['global'].shape[1]) != 1:
            raise InputError(
                f'SLiM takes views of one person, but they have {persons}; choose it by '
                'RandomPerson, and set num_person=1 of FormatGCNInput in the pipeline'
            )
        losses = {}
        for name in self.streams:
            masks = {group: self.draw_masks(name, group, x) for group, x in clips.items()}
            terms, classes = self.terms(name, clips, masks)
            losses[f'loss_{name}'] = sum(terms.values())
            losses |= {f'{term}_{name}': x.detach() for term, x in terms.items()}
            losses[f'std_{name}'] = embedding_std(F.normalize(classes, dim=1))
        return losses

    def draw_masks(self, stream: str, group: str, clips: Tensor) -> Tensor:
        """Draw the masks of a group of views: half of the global views, and all local ones.

        Args:
            stream (str): Name of the stream.
            group (str): One of ``views``.
            clips (Tensor): Shape (B, 1, T, V, C).

        Returns:
            Tensor: True where a token is masked, on the CPU, shape (B, T' V).
        """
        steps = patch_steps(clips.shape[2], self.encoders[stream].backbone.patch_frames)
        share = self.masking.share if group == 'global' else 1.0
        return self.masking.draw(self.generator, len(clips), steps, share)

    def terms(
        self, stream: str, clips: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the weighted terms of the loss of one stream, with given masks.

        Args:
            stream (str): Its name.
            clips (Mapping[str, Tensor]): By group, view by view, (views N, 1, T, V, C).
            masks (Mapping[str, Tensor]): The same, (views N, T' V), on the CPU.

        Returns:
            tuple[dict[str, Tensor], Tensor]: ``global``, ``local``, ``koleo`` and ``masked``, each
            of shape (); the student's class tokens of the global views, without gradient, (2 N, D).
        """
        device, mask = clips['global'].device, masks['global']
        places = mask.flatten().nonzero()[:, 0].to(device, non_blocking=True)
        # Each clip counts the mean over its masked tokens.
        weights = (mask / mask.sum(dim=1, keepdim=True).clamp(min=1))[mask].to(device)

        def encode(encoders: ModuleDict, group: str, masked: bool) -> tuple[Tensor, Tensor]:
            encoder = encoders[stream]
            given = masks[group].to(device, non_blocking=True) if masked else None
            return encoder.backbone.encode(encoder.modality(clips[group]), given)

        with torch.no_grad():
            classes, tokens = encode(self.encoders, 'global', masked=False)
            heads, temperature = self.necks[stream], self.current_temperature()
            teacher = sinkhorn(heads['class'](classes), temperature)
            teacher_tokens = sinkhorn(heads['patch'](tokens.flatten(0, 1)[places]), temperature)

        heads, temperature = self.student_necks[stream], self.student_temperature
        classes, tokens = encode(self.students, 'global', masked=True)
        student = prototype_log_probs(heads['class'](classes), temperature)
        masked_tokens = heads['patch'](tokens.flatten(0, 1)[places])
        student_tokens = prototype_log_probs(masked_tokens, temperature)
        local = [encode(self.students, group, masked=True)[0] for group in LOCAL]
        local = prototype_log_probs(heads['class'](torch.cat(local)), temperature)

        first, second = teacher.chunk(2)
        number = len(first)  # N
        pairs = 2 + 2 * len(local) // number  # of a view of the student and another of the teacher
        crossed = assignment_loss(torch.cat([second, first]), student).sum()
        # Both teacher views at once: the cross entropy is linear in the assignment.
        nearby = assignment_loss(first + second, local.unflatten(0, (-1, number))).sum()
        masked = (assignment_loss(teacher_tokens, student_tokens) * weights).sum()
        spread = sum(koleo(view) for view in classes.chunk(2))
        terms = {
            'global': crossed / (number * pairs),
            'local': nearby / (number * pairs),
            'koleo': self.koleo_weight * spread,
            'masked': masked / (2 * number),
        }
        return terms, classes.detach()

    def current_temperature(self) -> float:
        """Return the teacher's temperature, which rises linearly and then stays."""
        start, end = self.teacher_temperature
        done, whole = self.progress, self.temperature_warmup
        if self.num_steps is not None:
            done, whole = done * self.num_steps, round(whole * self.num_steps) - 1
        return start + (end - start) * min(done / whole, 1.0) if whole > 0 else end

    def current_momentum(self) -> float:
        """Return the fraction that the teacher takes from the student in this step."""
        return self.momentum * (1 + cos(pi * self.progress)) / 2

    def after_step(self) -> None:
        """Move the teacher, its heads too, towards the student after the optimiser's step."""
        momentum_update(self.encoders, self.students, self.current_momentum())
        momentum_update(self.necks, self.student_necks, self.current_momentum())

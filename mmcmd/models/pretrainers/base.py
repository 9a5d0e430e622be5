from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.streams import StreamModel


class BasePretrainer(StreamModel):
    """Base class of all pre-training methods. A method derives from it and implements ``loss``.

    Attributes:
        views (tuple[str, ...] | Mapping[str, int]): The views of each sample that ``loss`` takes.
            If it is a tuple of names, all views have the same shape, and ``loss`` gets one tensor
            (N, views, M, T, V, C). If it maps each group to its number of views, ``loss`` gets a
            dict with one such tensor per group. The groups may differ in their number of frames.
        min_samples (int): Smallest batch size that ``loss`` accepts.
        capturable (bool): Whether a CUDA graph can repeat ``loss``
            (:class:`mmcmd.engine.CudaGraphHook`). Such a loss runs the same operations in each step
            and takes one tensor. It does not read data samples, ``epoch``, ``progress`` or
            ``generator``, and it never waits for the device. Each class must set this attribute
            itself: a subclass does not inherit it.
        epoch (int): The current epoch, counted from 0.
        progress (float): Fraction of the training that is done, in [0, 1).
        num_steps (int | None): Iterations of the whole training, or None if they are not known.
        generator (torch.Generator): Source of the random numbers that a loss draws once per batch,
            for example for a mask. It is on the CPU. :class:`mmcmd.engine.ProgressHook` seeds it in
            each iteration.

    The hook also sets ``epoch``, ``progress`` and ``num_steps`` before each iteration. It computes
    all four from the seed, the epoch and the iteration of the run, which a checkpoint stores. A
    resumed run therefore continues with the same values and random numbers. After each step of the
    optimiser, the hook calls :meth:`after_step`.

    Raises:
        InputError: If an encoder has no weights.
    """

    views: ClassVar[tuple[str, ...] | Mapping[str, int]] = ('view',)
    min_samples: ClassVar[int] = 2
    capturable: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, encoder in self.encoders.items():
            if next(encoder.backbone.parameters(), None) is None:
                raise InputError(
                    f'stream {name!r} has a {type(encoder.backbone).__name__}, which has no '
                    'weights and cannot be pre-trained; choose another encoder'
                )
        self.epoch = 0
        self.progress = 0.0
        self.num_steps = None
        self.generator = torch.Generator()

    def set_progress(
        self, epoch: int, progress: float, seed: int, num_steps: int | None = None
    ) -> None:
        """Set the epoch and the progress, and seed the generator.

        Args:
            epoch (int): Current epoch, counted from 0.
            progress (float): Fraction of the iterations that is done, in [0, 1).
            seed (int): Seed of the random numbers of this iteration.
            num_steps (int, optional): Iterations of the whole training.
        """
        self.epoch, self.progress, self.num_steps = epoch, progress, num_steps
        self.generator.manual_seed(seed)

    def after_step(self) -> None:
        """Update what follows the trained weights, such as a teacher. By default, do nothing."""

    def loss(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses of one step.

        Args:
            inputs (Tensor | dict[str, Tensor]): The views of each sample, as ``views`` describes.
            data_samples (list[ActionDataSample], optional): One per sequence. They hold the sample
                ids and, if the clips are padded, the number of valid frames of each view
                (:mod:`mmcmd.structures`).

        Returns:
            dict[str, Tensor]: Values whose names contain ``loss`` are summed. All values are
            logged.
        """
        return super().loss(inputs, data_samples)

    def forward(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Run :meth:`StreamModel.forward`. In mode ``loss``, check the number of views first.

        Raises:
            InputError: If the pipeline makes another number of views than the method takes.
        """
        if mode == 'loss':
            self._check_views(inputs)
        return super().forward(inputs, data_samples, mode)

    def _check_views(self, inputs: Tensor | dict[str, Tensor]) -> None:
        grouped = isinstance(inputs, Mapping)
        found = {name: x.shape[1] for name, x in inputs.items()} if grouped else inputs.shape[1]
        wanted = dict(self.views) if isinstance(self.views, Mapping) else len(self.views)
        if found != wanted:
            names = '' if isinstance(self.views, Mapping) else f' ({", ".join(self.views)})'
            raise InputError(
                f'{type(self).__name__} takes {_say(wanted)}{names} of each sample, but the '
                f'pipeline makes {_say(found)}; set the views of MultiView in '
                'train_dataloader.dataset.pipeline'
            )


def _say(views: int | dict[str, int]) -> str:
    if isinstance(views, int):
        return f'{views} view{"s" * (views != 1)}'
    return 'the groups ' + ', '.join(f'{name} ({_say(count)})' for name, count in views.items())

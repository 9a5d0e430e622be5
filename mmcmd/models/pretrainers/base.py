from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.streams import StreamModel


class BasePretrainer(StreamModel):
    """The part that every pre-training method shares. A method derives from it and writes a loss.

    Attributes:
        views (tuple[str, ...] | Mapping[str, int]): The views of each sample that the loss takes.
            With a tuple of names, all views have one shape, and the loss gets one tensor (N, views,
            M, T, V, C). With a mapping from groups to numbers of views, the loss gets a dict with
            one such tensor per group, and groups may differ in length.
        min_samples (int): The smallest batch that the loss takes.
        capturable (bool): The loss is the same operations in each step, so that a CUDA graph may
            repeat them (:class:`mmcmd.engine.CudaGraphHook`). It then takes one tensor, reads
            neither data samples nor ``epoch``, ``progress`` and ``generator``, and never waits for
            the device. Each class says so for itself; a subclass does not inherit it.
        epoch (int): The current epoch, counted from 0.
        progress (float): Share of the training that is done, in [0, 1).
        generator (torch.Generator): For random numbers that a loss draws once per batch, such as a
            mask. It is on the CPU. :class:`mmcmd.engine.ProgressHook` seeds it in each iteration.

    That hook sets ``epoch``, ``progress`` and ``generator`` before each iteration, from the seed,
    the epoch and the iteration of the run. A checkpoint holds these. A resumed run therefore goes
    on with the same values and draws.

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
        self.generator = torch.Generator()

    def set_progress(self, epoch: int, progress: float, seed: int) -> None:
        """Tell the model where the training is.

        Args:
            epoch (int): Counted from 0.
            progress (float): Share of the iterations that is done, in [0, 1).
            seed (int): Seed of the draws of this iteration.
        """
        self.epoch, self.progress = epoch, progress
        self.generator.manual_seed(seed)

    def loss(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses of one step.

        Args:
            inputs (Tensor | dict[str, Tensor]): The views, see ``views``.
            data_samples (list[ActionDataSample], optional): One per sequence. They hold the ids of
                the samples and, if the clips are padded, the valid frames of each view
                (:mod:`mmcmd.structures`).

        Returns:
            dict[str, Tensor]: Values whose names contain ``loss`` are summed; all are logged.
        """
        return super().loss(inputs, data_samples)

    def forward(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Dispatch as :class:`StreamModel` does, after a check of the views.

        Raises:
            InputError: If the pipeline makes other views than the method takes.
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

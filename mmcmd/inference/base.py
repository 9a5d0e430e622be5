"""The base of all inferencers: it loads a checkpoint, and makes batches of recordings."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.registry import init_default_scope
from rich.progress import Progress
from torch import Tensor

from mmcmd.datasets.collate import stack_inputs
from mmcmd.errors import InputError
from mmcmd.inference.checkpoints import build_from_checkpoint, build_from_config
from mmcmd.inference.clips import ClipMaker, one_ahead
from mmcmd.inference.hashes import stream_hashes
from mmcmd.inference.reading import read_file
from mmcmd.inference.recordings import Recording, from_array
from mmcmd.inference.sources import PickleRecordings, RecordingList
from mmcmd.models import StreamModel
from mmcmd.registry import SCOPE
from mmcmd.terminal import get_console

Source = np.ndarray | Tensor | str | os.PathLike | Recording | Sequence
"""An array (T, V, C) or (M, T, V, C), a file or folder, a recording, or a sequence of these."""


class SkeletonInferencer(BaseInferencer):
    """Base class of the inferencers for skeletons, derived from mmengine's ``BaseInferencer``.

    The checkpoint describes its encoders, their joints, and how clips are made. So no config file
    is needed.

    Args:
        checkpoint (str | Path): Checkpoint of a training, or a published checkpoint.
        device (str, optional): Device, such as ``'cpu'`` or ``'cuda'``. Defaults to the accelerator
            of this machine, if there is one.
        streams (Sequence[str], optional): Names of the streams. Defaults to all.
        config (str | Path | Config, optional): Config of an evaluation, for a checkpoint from
            before version 0.2, which does not describe its encoders.
        batch_size (int): Number of recordings in a batch. Defaults to 64.
        show_progress (bool): Show a progress bar if there is more than one batch. Defaults to True.
        map_joints (Mapping | str, optional): For joints that the layout of a recording lacks: the
            joints that are used instead, or ``'nearest'``. It is the argument ``joints`` of
            :class:`MapLayout`.

    Attributes:
        model (StreamModel): The model, in ``eval()``.
        recipe (Recipe): Layout, clip length, pipeline and class names.

    Raises:
        InputError: If the checkpoint cannot be used. The message says why.
    """

    preprocess_kwargs: ClassVar[set] = {'layout', 'fmt', 'split'}
    classifier: ClassVar[bool] = False
    """Whether the checkpoint must hold a classifier."""

    def __init__(
        self,
        checkpoint: str | Path,
        device: str | None = None,
        streams: Sequence[str] | None = None,
        config: str | Path | Config | None = None,
        batch_size: int = 64,
        show_progress: bool = True,
        map_joints: Mapping[str, Any] | str | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f'batch_size must be at least 1, got {batch_size}')
        self.checkpoint = str(checkpoint)
        self.batch_size = batch_size
        self._chosen, self._config, self._map_joints = streams, config, map_joints
        super().__init__(None, self.checkpoint, device, SCOPE, show_progress=False)
        self._shows_progress = show_progress

    def __call__(
        self,
        inputs: Source,
        batch_size: int | None = None,
        layout: Any = None,
        fmt: str | None = None,
        split: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the model on recordings.

        Args:
            inputs (Source): Arrays, files, recordings, or a sequence of these.
            batch_size (int, optional): Number of recordings in a batch. Defaults to the
                ``batch_size`` of the inferencer.
            layout (str | Mapping | Layout, optional): Joint layout of the inputs, if the files do
                not store it. Defaults to the layout of the encoder. If it differs from that, the
                joints are mapped.
            fmt (str, optional): Format of the files, see :func:`read_file`. By default it is found
                by trial.
            split (str, optional): Name of a split, if the input is a pickle. Defaults to all
                recordings.
            **kwargs: Arguments of :meth:`postprocess`.

        Raises:
            InputError: If an input cannot be read or does not fit the encoder. The message names
                the input.
        """
        return super().__call__(
            inputs,
            batch_size=batch_size or self.batch_size,
            layout=layout,
            fmt=fmt,
            split=split,
            **kwargs,
        )

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The hash of each stream's encoder, see :func:`stream_hashes`."""
        return stream_hashes(self.model, self.recipe)

    @property
    def device(self) -> str:
        """Device of the model."""
        return str(next(self.model.parameters()).device)

    def recordings(
        self,
        inputs: Source,
        layout: Any = None,
        fmt: str | None = None,
        split: str | None = None,
    ) -> list[RecordingList | PickleRecordings]:
        """Return the recordings of the inputs: one list for each array, file or recording.

        Args:
            inputs (Source): See :meth:`__call__`.
            layout (str | Mapping | Layout, optional): See :meth:`__call__`.
            fmt (str, optional): See :meth:`__call__`.
            split (str, optional): See :meth:`__call__`.
        """
        if isinstance(inputs, (RecordingList, PickleRecordings)):
            return [inputs]
        many = isinstance(inputs, (list, tuple))
        found: list[RecordingList | PickleRecordings] = []
        for index, item in enumerate(inputs if many else [inputs]):
            if isinstance(item, (RecordingList, PickleRecordings)):
                found.append(item)
            elif isinstance(item, Recording):
                found.append(RecordingList([item]))
            elif isinstance(item, (str, os.PathLike)):
                found.append(read_file(item, fmt, layout, self.recipe.layout, split))
            else:
                name = f'array {index}' if many else 'the array'
                found.append(RecordingList([from_array(item, name, layout)]))
        return found

    def _inputs_to_list(self, inputs: Source) -> Source:
        """Leave the inputs as they are: :meth:`preprocess` reads files and folders."""
        return inputs

    def preprocess(
        self,
        inputs: Source,
        batch_size: int = 64,
        layout: Any = None,
        fmt: str | None = None,
        split: str | None = None,
        **kwargs: Any,
    ) -> Iterator[tuple[dict, list[Recording]]]:
        """Yield batches in the form of the data loaders, each with its recordings.

        Args:
            inputs (Source): See :meth:`__call__`.
            batch_size (int): Number of recordings in a batch.
            layout (str | Mapping | Layout, optional): See :meth:`__call__`.
            fmt (str, optional): See :meth:`__call__`.
            split (str, optional): See :meth:`__call__`.
            **kwargs: They are not used.
        """
        groups = self.recordings(inputs, layout, fmt, split)
        total = sum(map(len, groups))
        batches = self._batches(groups, batch_size)
        if total <= batch_size:
            yield from batches
            return
        console = get_console(stderr=True)
        hidden = not self._shows_progress
        with Progress(console=console, disable=hidden, transient=console.is_terminal) as progress:
            task = progress.add_task('encoding', total=total)
            for batch, recordings in one_ahead(batches):
                yield batch, recordings
                progress.advance(task, len(recordings))

    def _batches(
        self, groups: Sequence[Sequence[Recording]], batch_size: int
    ) -> Iterator[tuple[dict, list[Recording]]]:
        numbered = enumerate(chain.from_iterable(groups))
        for chunk in self._get_chunk_data(numbered, batch_size):
            samples = [self.pipeline(index, recording) for index, recording in chunk]
            yield stack_inputs(samples), [recording for _, recording in chunk]

    def _init_pipeline(self, cfg: ConfigDict) -> ClipMaker:
        """Return a function that makes a sample from an index and a recording."""
        channels = next(iter(self.model.encoders.values())).frame_shape[-1]
        return ClipMaker(self.recipe, channels, self._map_joints)

    def _init_model(self, cfg: ConfigDict, weights: str, device: str = 'cpu') -> StreamModel:
        """Build the model that the checkpoint describes, or the model of the config."""
        init_default_scope(SCOPE)
        if self._config is None:
            model, self.recipe = build_from_checkpoint(weights, self.classifier, self._chosen)
        else:
            model, self.recipe = build_from_config(self._config, weights, self._chosen)
        return model.to(device)

    def _init_collate(self, cfg: ConfigDict) -> Any:
        """Return the function with which the loaders of evaluations make batches."""
        return stack_inputs

    def _init_visualizer(self, cfg: ConfigDict) -> None:
        """Return None, because an inferencer draws nothing."""

    def visualize(self, inputs: Any, preds: Any, show: bool = False, **kwargs: Any) -> None:
        """Draw nothing. ``tools/misc/browse_dataset.py`` and ``tools/serve.py`` show motions."""

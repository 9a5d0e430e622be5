"""Turn a recording into the sample that an encoder takes, in the same way as the data loaders."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from mmengine.dataset import Compose

from mmcmd.datasets.converters.confidence import looks_like_confidence, split_confidence
from mmcmd.datasets.random_numbers import jump_to_sample
from mmcmd.datasets.transforms.map_layout import MapLayout
from mmcmd.inference.checkpoints import Recipe
from mmcmd.inference.recordings import Recording, check_joints, check_numbers

T = TypeVar('T')


def one_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items. A thread makes the next item while the caller works with the current one.

    Args:
        items (Iterable): Only the thread iterates over it.
    """
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, iterator, end)
            yield item


class ClipMaker:
    """Turn recordings into samples with the test pipeline of an encoder.

    Args:
        recipe (Recipe): Layout, clip length and pipeline.
        channels (int): Number C of coordinates of a joint that the encoder takes.
        map_joints (Mapping | str, optional): Argument ``joints`` of :class:`MapLayout`.
    """

    def __init__(
        self, recipe: Recipe, channels: int, map_joints: Mapping[str, Any] | str | None = None
    ) -> None:
        self.recipe, self.channels = recipe, channels
        self._pipeline = Compose(recipe.pipeline)
        self._mapping = MapLayout(recipe.layout, map_joints)
        self._rng = np.random.Generator(np.random.PCG64(0))

    def __call__(self, index: int, recording: Recording) -> dict[str, Any]:
        """Return a sample: ``inputs`` and ``data_samples``.

        Args:
            index (int): Position of the recording in the inputs.
            recording (Recording): Its joints are mapped if its layout differs from the encoder's.
                If the encoder takes x and y, a third number that looks like a confidence is
                removed, and joints with confidence 0 become missing.

        Raises:
            InputError: If the recording does not fit the encoder. The message names the recording.
        """
        wanted = self.recipe.layout
        check_numbers(recording.keypoint, recording.name)
        if self.channels == 2 and looks_like_confidence(recording.keypoint):
            points, _ = split_confidence(recording.keypoint)  # as the conversion does
            recording = replace(recording, keypoint=points)
        check_joints(recording, wanted, self.channels)
        sample = {
            'frame_dir': recording.name,
            'label': recording.label,
            'keypoint': recording.keypoint.copy(),  # a transform may change it in place
            'total_frames': recording.num_frames,
            'layout': recording.layout or wanted,
        }
        if recording.normalized:
            sample['normalized'] = True
        if recording.layout is not None and recording.layout.difference(wanted):
            sample = self._mapping(sample)
        jump_to_sample(self._rng, 0, 0, index)
        return self._pipeline(
            sample
            | {
                'layout': wanted,
                'sample_idx': index,
                'clip_len': self.recipe.clip_len,
                'rng': self._rng,
            }
        )

from collections.abc import Callable, Sequence

import numpy as np
from mmcv.transforms import BaseTransform, Compose

from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS

TransformConfig = dict | Callable[[dict], dict]


def _build(transforms: Sequence[TransformConfig]) -> list[Callable[[dict], dict]]:
    return [TRANSFORMS.build(x) if isinstance(x, dict) else x for x in transforms]


@TRANSFORMS.register_module()
class Views(BaseTransform):
    """Make several independently augmented views of one sequence (query, key, ...).

    The views are laid one after the other along time and counted in ``num_clips``, so that
    mmaction2's ``FormatGCNInput`` turns them into a leading axis: (views, M, T, V, C). Each view
    draws from a generator of its own, spawned from the sample's.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``.
    Modified key: ``keypoint`` (M, views * T, V, C). Added key: ``num_clips``.

    Args:
        transforms (Sequence[dict]): What is done to make one view; it must give every view the
            same shape.
        num_views (int): How many views. Defaults to 2.
    """

    def __init__(self, transforms: Sequence[TransformConfig], num_views: int = 2) -> None:
        self.transforms = Compose(_build(transforms))
        self.num_views = num_views

    def transform(self, results: dict) -> dict:
        """Replace ``results['keypoint']`` by its views."""
        views = [
            self.transforms({**results, 'rng': rng})['keypoint']
            for rng in results['rng'].spawn(self.num_views)
        ]
        results['keypoint'] = np.concatenate(views, axis=1)
        results['num_clips'] = self.num_views
        return results


@TRANSFORMS.register_module()
class OneOf(BaseTransform):
    """Apply one of several transforms, chosen at random with the sample's own generator.

    (mmcv's ``RandomChoice`` draws from the global generator, whose state depends on the worker.)

    Required key: ``rng``, and what the transforms require.

    Args:
        transforms (Sequence[dict]): The choices.
        prob (Sequence[float], optional): Their probabilities, which sum to 1. Defaults to equal.

    Raises:
        InputError: If ``prob`` does not fit ``transforms``.
    """

    def __init__(
        self, transforms: Sequence[TransformConfig], prob: Sequence[float] | None = None
    ) -> None:
        self.transforms = _build(transforms)
        prob = prob if prob is not None else [1 / len(transforms)] * len(transforms)
        if len(prob) != len(transforms) or abs(sum(prob) - 1) > 1e-6:
            raise InputError(
                f'OneOf needs a probability for each of its {len(transforms)} transforms and '
                f'their sum to be 1, but got {list(prob)}'
            )
        self.prob = list(prob)

    def transform(self, results: dict) -> dict:
        """Apply the chosen transform."""
        choice = results['rng'].choice(len(self.transforms), p=self.prob)
        return self.transforms[choice](results)

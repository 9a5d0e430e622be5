from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
from mmcv.transforms import BaseTransform, Compose

from mmcmd.datasets.streams import jump_to_view
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS

TransformConfig = dict | Callable[[dict], dict]


def _build(transforms: Sequence[TransformConfig]) -> list[Callable[[dict], dict]]:
    return [TRANSFORMS.build(x) if isinstance(x, dict) else x for x in transforms]


@TRANSFORMS.register_module()
class Views(BaseTransform):
    """Make several independently augmented views of one sequence (query, key, ...).

    Each view draws random numbers of its own, see :func:`jump_to_view`, and ends as a clip, which
    mmaction2's ``FormatGCNInput`` makes of it.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``.
    Modified key: ``keypoint`` (views, M, T, V, C).

    Args:
        transforms (Sequence[dict]): What is done to make one view; it must give every view the
            same shape (1, M, T, V, C).
        num_views (int): How many views. Defaults to 2.

    Raises:
        InputError: If the transforms do not end with ``FormatGCNInput``.
    """

    def __init__(self, transforms: Sequence[TransformConfig], num_views: int = 2) -> None:
        self.transforms = Compose(_build(transforms))
        self.num_views = num_views

    def transform(self, results: dict) -> dict:
        """Replace ``results['keypoint']`` by its views."""
        rng, views = results['rng'], []
        sample = rng.bit_generator.state
        for number in range(self.num_views):
            jump_to_view(rng, sample, number)
            views.append(self.transforms(dict(results))['keypoint'])
        if views[0].ndim != 5:
            raise InputError(
                f'the transforms of Views must end with FormatGCNInput, which makes a clip (1, M, '
                f'T, V, C), but a view has shape {views[0].shape}'
            )
        results['keypoint'] = np.concatenate(views)
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
        self._bounds = list(accumulate(prob))[:-1]

    def transform(self, results: dict) -> dict:
        """Apply the chosen transform."""
        choice = bisect(self._bounds, results['rng'].random())
        return self.transforms[choice](results)

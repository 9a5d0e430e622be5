"""Make several views of one sequence, and choose transforms at random."""

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import numpy as np
from mmcv.transforms import BaseTransform, Compose

from mmcmd.datasets.random_numbers import jump_to_view
from mmcmd.errors import InputError
from mmcmd.registry import TRANSFORMS

TransformConfig = dict | Callable[[dict], dict]


def _build(transforms: Sequence[TransformConfig]) -> list[Callable[[dict], dict]]:
    return [TRANSFORMS.build(x) if isinstance(x, dict) else x for x in transforms]


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """Make several views of one sequence, each with its own pipeline.

    Each view has its own random numbers, see :func:`jump_to_view`. Its pipeline must end with
    mmaction2's ``FormatGCNInput``, which makes a clip.

    Views without a group must have the same shape and become one array. Groups may have different
    shapes: each group is an array under its own key, and
    ``PackActionInputs(collect_keys=(GROUP, ...))`` packs it. If a pipeline adds the number of valid
    frames (:class:`PadFrames`), the numbers of all views are joined in the same way.

    Required keys: ``keypoint`` (M, T, V, C), ``rng``.
    Modified key: ``keypoint`` (views, M, T, V, C), or, with groups, ``GROUP`` (views, M, T, V, C).
    Modified key, if it exists: ``valid_frames`` (views,), or a dict of such arrays by group.

    Args:
        views (Sequence[dict]): Views in the order in which the method names them. Each entry is
            ``dict(transforms=[...], num_views=1, group=None)``. Its transforms are applied
            ``num_views`` times and give as many views.

    Raises:
        InputError: If an entry has other fields, some entries have a group and some have none, the
            transforms do not end with ``FormatGCNInput``, or views of one group differ in shape.
    """

    def __init__(self, views: Sequence[Mapping]) -> None:
        self.pipelines: list[Compose] = []
        self.groups: dict[str | None, list[int]] = {}
        for view in views:
            rest = dict(view)
            transforms, number = rest.pop('transforms', ()), rest.pop('num_views', 1)
            members = self.groups.setdefault(rest.pop('group', None), [])
            if rest or not transforms or number < 1:
                raise InputError(
                    f'a view of MultiView is dict(transforms=[...], num_views=1, group=None), but '
                    f'got {dict(view)}'
                )
            members += range(len(self.pipelines), len(self.pipelines) + number)
            self.pipelines += [Compose(_build(transforms))] * number
        if None in self.groups and len(self.groups) > 1:
            raise InputError('either all views of MultiView have a group or none has')

    def transform(self, results: dict) -> dict:
        """Replace ``results['keypoint']`` by its views."""
        rng, views = results['rng'], []
        sample = rng.bit_generator.state
        for number, pipeline in enumerate(self.pipelines):
            jump_to_view(rng, sample, number)
            views.append(pipeline(dict(results)))
        for group, members in self.groups.items():
            results[group or 'keypoint'] = _join([views[member]['keypoint'] for member in members])
        if 'valid_frames' in views[0]:
            valid = {
                group: np.array([views[member]['valid_frames'] for member in members])
                for group, members in self.groups.items()
            }
            results['valid_frames'] = valid.get(None, valid)
        return results


def _join(views: Sequence[np.ndarray]) -> np.ndarray:
    if views[0].ndim != 5:
        raise InputError(
            f'the transforms of MultiView must end with FormatGCNInput, which makes a clip (1, M, '
            f'T, V, C), but a view has shape {views[0].shape}'
        )
    try:
        return np.concatenate(views)
    except ValueError as error:
        raise InputError(
            f'views that differ in shape, here {sorted({view.shape for view in views})}, must be '
            'in different groups of MultiView'
        ) from error


@TRANSFORMS.register_module()
class RandomChoice(BaseTransform):
    """Apply one of several transforms, which is chosen with the sample's own random generator.

    mmcv's transform of the same name draws from the global generator. The state of that generator
    depends on the worker, so a run could not be repeated.

    Required key: ``rng``, and what the transforms require.

    Args:
        transforms (Sequence[dict]): The choices.
        prob (Sequence[float], optional): Probability of each transform; the sum must be 1. By
            default all are equal.

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
                f'RandomChoice needs a probability for each of its {len(transforms)} transforms, '
                f'with a sum of 1, but got {list(prob)}'
            )
        self._bounds = list(accumulate(prob))[:-1]

    def transform(self, results: dict) -> dict:
        """Apply the chosen transform."""
        choice = bisect(self._bounds, results['rng'].random())
        return self.transforms[choice](results)

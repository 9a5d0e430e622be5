"""Write the transforms of test pipelines as lines of numpy code."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from mmcmd.errors import InputError

TRANSFORMS = 'mmcmd.datasets.transforms'


class Step(NamedTuple):
    """A transform in plain numpy.

    Attributes:
        functions (tuple[str, ...]): ``module.function`` in :data:`TRANSFORMS`, or in this module.
        code (Callable): Function from the options of the transform (as keywords) to lines of code
            that change ``keypoint``. It accepts only the options that it can write as code.
    """

    functions: tuple[str, ...]
    code: Callable[..., list[str]]


def fit_persons(keypoint: np.ndarray, num_person: int, mode: str) -> np.ndarray:
    """Give (M, T, V, C) ``num_person`` persons: drop some, add zeros or repeat one (``'loop'``)."""
    missing = num_person - len(keypoint)
    if missing <= 0:
        return keypoint[:num_person]
    if mode == 'loop' and len(keypoint) == 1:
        return keypoint.repeat(num_person, axis=0)
    return np.concatenate([keypoint, np.zeros_like(keypoint, shape=(missing, *keypoint.shape[1:]))])


def _pad(count_valid: bool = True, repeat: bool = False) -> list[str]:
    mode = 'wrap' if repeat else 'constant'
    return [
        'keypoint = keypoint[:, :num_frames]',
        'valid_frames = keypoint.shape[1]',
        'padding = ((0, 0), (0, num_frames - valid_frames), (0, 0), (0, 0))',
        f'keypoint = np.pad(keypoint, padding, {mode!r})',
    ]


def _crop(ratio: float | Sequence[float] = (0.1, 1.0), min_frames: int = 64) -> list[str]:
    if isinstance(ratio, (list, tuple)):
        raise InputError(
            f'TemporalCropResize of the test pipeline has ratio={ratio}, which is random and '
            'cannot be written in numpy; test with one number, or add --no-preprocessing'
        )
    return [
        f'first, kept = centre_frames(keypoint.shape[1], {ratio!r})',
        'keypoint = resize_frames(keypoint[:, first:first + kept], num_frames)',
    ]


def _translate(anywhere: bool = False) -> list[str]:
    return [
        'present = keypoint.any(axis=(1, 2, 3))',
        'present[0] = True',
        'keypoint = translate_to_start(keypoint[present], LAYOUT.centre)',
        f'keypoint = drop_empty_frames(keypoint, {anywhere!r})',
    ]


def _centre(ratio: float = 0.95) -> list[str]:
    return [
        f'frames = centre_choice(real_frames or keypoint.shape[1], num_frames, {ratio!r})',
        "clip = keypoint.take(frames, axis=1, mode='clip')",
        'keypoint = resize_frames(clip, num_frames)',
    ]


def _set(value: str) -> list[str]:
    return [f'keypoint = {value}']


STEPS = {
    'NormalizeSkeleton': Step(
        ('normalize.normalize_skeleton',),
        lambda turn=True: _set(f'normalize_skeleton(keypoint, LAYOUT, {turn!r})'),
    ),
    'SubtractJoint': Step(
        ('normalize.subtract_joint',),
        lambda joint=None: _set(
            f'subtract_joint(keypoint, {"LAYOUT.centre" if joint is None else joint})'
        ),
    ),
    'TemporalCropResize': Step(('temporal.centre_frames', 'temporal.resize_frames'), _crop),
    'ResizeFrames': Step(
        ('temporal.resize_frames',),
        lambda num_frames=None: _set(f'resize_frames(keypoint, {num_frames or "num_frames"})'),
    ),
    'NormalizePersons': Step(
        ('persons.normalize_persons',),
        lambda num_frames=None: _set(
            f'normalize_persons(keypoint, LAYOUT, {num_frames or "num_frames"})'
        ),
    ),
    'PadFrames': Step((), _pad),
    'FirstPersons': Step((), lambda num_person=1: _set(f'keypoint[:{num_person}]')),
    'ViewInvariant': Step(
        ('view_invariant.view_invariant', 'view_invariant.scale_to_range'),
        lambda: _set('scale_to_range(view_invariant(keypoint, LAYOUT)).astype(np.float32)'),
    ),
    'StrideFrames': Step(
        ('view_invariant.stride_frames',), lambda: _set('stride_frames(keypoint, num_frames)')
    ),
    'TranslateToStart': Step(  # the masked methods use it
        ('camera.translate_to_start', 'camera.drop_empty_frames'), _translate
    ),
    'MirrorFrames': Step(
        ('frame_choice.mirror_to_length',),
        lambda num_frames=150: [
            'real_frames = keypoint.shape[1]',
            f'keypoint = mirror_to_length(keypoint, {num_frames})',
        ],
    ),
    'CentreFrames': Step(  # `real_frames` is None, or was set by MirrorFrames
        (
            'frame_choice.centre_choice',
            'frame_choice.piece_length',
            'temporal.centre_frames',
            'temporal.resize_frames',
        ),
        _centre,
    ),
    'FormatGCNInput': Step(
        ('fit_persons',),
        lambda num_person=2, mode='zero': _set(f'fit_persons(keypoint, {num_person}, {mode!r})'),
    ),
    'PackActionInputs': Step((), lambda **options: []),
}


def write_step(transform: Mapping[str, Any]) -> tuple[list[Callable], list[str]]:
    """Return the functions that a transform needs, and lines of code that call them.

    Args:
        transform (Mapping): ``type`` and options of a transform.

    Raises:
        InputError: If the transform is not in :data:`STEPS`, or has an option that cannot be
            written as code.
    """
    options = dict(transform)
    kind = options.pop('type')
    step = STEPS.get(kind)
    known = inspect.signature(step.code).parameters if step else {}
    if step is None or ('options' not in known and not set(options) <= set(known)):
        what = kind if step is None else f'{kind} with {", ".join(options)}'
        raise InputError(
            f'the test pipeline has the transform {what}, which cannot be written as a numpy '
            f'function (these can: {", ".join(STEPS)}); add --no-preprocessing to export the '
            'encoder alone'
        )
    functions = []
    for name in step.functions:
        module, _, function = name.rpartition('.')
        owner = import_module(f'{TRANSFORMS}.{module}' if module else __name__)
        functions.append(getattr(owner, function))
    return functions, step.code(**options)

"""The pre-processing of an encoder as a Python file that needs numpy alone.

The file is put together from the functions of this package that the test pipeline calls, so the two
cannot differ.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from mmcmd.deployment.bundling import bundle
from mmcmd.errors import InputError
from mmcmd.inference.checkpoints import Recipe
from mmcmd.skeletons import Layout

TRANSFORMS = 'mmcmd.datasets.transforms'


class Step(NamedTuple):
    """A transform of a pipeline in plain numpy.

    Attributes:
        functions (tuple[str, ...]): ``module.function`` in :data:`TRANSFORMS`, or in this module.
        code (Callable): Options of the transform -> lines that change ``keypoint``.
    """

    functions: tuple[str, ...]
    code: Callable[[Mapping[str, Any]], list[str]]


def fit_persons(keypoint: np.ndarray, num_person: int, mode: str) -> np.ndarray:
    """Cut or fill the persons of (M, T, V, C), with zeros or (``'loop'``) copies of one person."""
    missing = num_person - len(keypoint)
    if missing <= 0:
        return keypoint[:num_person]
    if mode == 'loop' and len(keypoint) == 1:
        return keypoint.repeat(num_person, axis=0)
    return np.concatenate([keypoint, np.zeros_like(keypoint, shape=(missing, *keypoint.shape[1:]))])


def _pad(options: Mapping[str, Any]) -> list[str]:
    mode = 'wrap' if options.get('repeat') else 'constant'
    return [
        'keypoint = keypoint[:, :num_frames]',
        'valid_frames = keypoint.shape[1]',
        'padding = ((0, 0), (0, num_frames - valid_frames), (0, 0), (0, 0))',
        f'keypoint = np.pad(keypoint, padding, {mode!r})',
    ]


def _crop(options: Mapping[str, Any]) -> list[str]:
    ratio = options.get('ratio', (0.1, 1.0))
    if isinstance(ratio, (list, tuple)):
        raise InputError(
            f'TemporalCropResize of the test pipeline has ratio={ratio}, which is random and has '
            'no pre-processing to export; test with one number'
        )
    return [
        f'first, kept = centre_frames(keypoint.shape[1], {ratio!r})',
        'keypoint = resize_frames(keypoint[:, first:first + kept], num_frames)',
    ]


def _call(function: str, arguments: str = '') -> Callable[[Mapping[str, Any]], list[str]]:
    return lambda options: [f'keypoint = {function}(keypoint{arguments})']


def _frames_of(options: Mapping[str, Any]) -> str:
    return str(options.get('num_frames') or 'num_frames')


STEPS = {
    'NormalizeSkeleton': Step(
        ('normalize.normalize_skeleton',), _call('normalize_skeleton', ', LAYOUT')
    ),
    'SubtractJoint': Step(
        ('normalize.subtract_joint',),
        lambda x: [
            'keypoint = subtract_joint(keypoint, '
            f'{"LAYOUT.centre" if x.get("joint") is None else x["joint"]})'
        ],
    ),
    'TemporalCropResize': Step(('temporal.centre_frames', 'temporal.resize_frames'), _crop),
    'ResizeFrames': Step(
        ('temporal.resize_frames',),
        lambda x: [f'keypoint = resize_frames(keypoint, {_frames_of(x)})'],
    ),
    'NormalizePersons': Step(
        ('persons.normalize_persons',),
        lambda x: [f'keypoint = normalize_persons(keypoint, LAYOUT, {_frames_of(x)})'],
    ),
    'PadFrames': Step((), _pad),
    'FirstPersons': Step((), lambda x: [f'keypoint = keypoint[:{x.get("num_person", 1)}]']),
    'ViewInvariant': Step(
        ('view_invariant.view_invariant', 'view_invariant.scale_to_range'),
        lambda x: [
            'keypoint = scale_to_range(view_invariant(keypoint, LAYOUT)).astype(np.float32)'
        ],
    ),
    'StrideFrames': Step(('view_invariant.stride_frames',), _call('stride_frames', ', num_frames')),
    'TranslateToStart': Step(  # of the masked methods
        ('camera.translate_to_start', 'camera.drop_empty_frames'),
        lambda x: [
            'present = keypoint.any(axis=(1, 2, 3))',
            'present[0] = True',
            'keypoint = translate_to_start(keypoint[present], LAYOUT.centre)',
            'keypoint = drop_empty_frames(keypoint)',
        ],
    ),
    'FormatGCNInput': Step(
        ('fit_persons',),
        lambda x: [
            f'keypoint = fit_persons(keypoint, {x.get("num_person", 2)}, {x.get("mode", "zero")!r})'
        ],
    ),
    'PackActionInputs': Step((), lambda x: []),
}


def preprocessing_source(recipe: Recipe, facts: Mapping[str, Any]) -> str:
    """Return the Python file with the function ``prepare`` of an encoder.

    Args:
        recipe (Recipe): Its ``pipeline`` is the one of a test.
        facts (Mapping): See :func:`mmcmd.deployment.export_checkpoint`.

    Raises:
        InputError: If a transform of the pipeline is not among :data:`STEPS`.
    """
    functions, lines = [], []
    for transform in recipe.pipeline:
        options = dict(transform)
        kind = options.pop('type')
        if kind not in STEPS:
            raise InputError(
                f'the test pipeline has the transform {kind}, which cannot be written as a numpy '
                f'function (these can: {", ".join(STEPS)}); add --no-preprocessing to export the '
                'encoder alone'
            )
        for name in STEPS[kind].functions:
            module, _, function = name.rpartition('.')
            owner = import_module(f'{TRANSFORMS}.{module}' if module else __name__)
            functions.append(getattr(owner, function))
        lines += STEPS[kind].code(options)
    inputs = "{'keypoint': np.ascontiguousarray(keypoint[None], np.float32)}"
    if facts['counts_valid_frames']:
        inputs = f"{inputs[:-1]}, 'valid_frames': np.array([valid_frames])}}"
    bundled = bundle(functions)
    return _FILE.format(
        method=facts['method'],
        output=facts['output'],
        imports='\n'.join(bundled.imports),
        joints=facts['joints'],
        clip_len=facts['clip_len'],
        classes=facts['classes'],
        layout=_fields(recipe.layout),
        channels=facts['in_channels'],
        code=bundled.code,
        steps='\n'.join(f'    {line}' for line in lines),
        inputs=inputs,
    )


def _fields(layout: Layout) -> str:
    names = ('joints', 'parents', 'centre', 'trunk', 'spine', 'shoulders', 'hips')
    return ', '.join(f'{name}={getattr(layout, name)!r}' for name in names)


_FILE = '''"""Pre-processing of an encoder that was exported by mmcmd ({method}, output: {output}).

It needs numpy alone:  session.run(None, prepare(array))
"""

{imports}

JOINTS = {joints}
CLASSES = {classes}
CLIP_LEN = {clip_len}
LAYOUT = SimpleNamespace({layout})


def prepare(keypoint, num_frames=CLIP_LEN):
    """Turn one recording into the inputs of the encoder, a batch of one clip.

    keypoint: raw coordinates, shape (T, V, C) or (M, T, V, C) for M persons; the joints are JOINTS,
    a missing joint is exactly 0.  num_frames: frames of the clip.
    """
    keypoint = np.array(keypoint, np.float32)
    if keypoint.ndim == 3:
        keypoint = keypoint[None]
    if keypoint.ndim != 4 or keypoint.shape[2:] != (len(JOINTS), {channels}):
        raise ValueError(f'expected (T, V, C) or (M, T, V, C) with V={{len(JOINTS)}} joints and '
                         f'C={channels}, but got {{keypoint.shape}}')
    if not (keypoint.shape[1] and np.isfinite(keypoint).all() and keypoint.any()):
        raise ValueError('the recording has no frame, only zeros, or numbers that are not finite')
{steps}
    return {inputs}


{code}
'''

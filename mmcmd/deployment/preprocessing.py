"""Write the pre-processing of an encoder as a Python file that needs only numpy.

The file is made from the functions of this package that the test pipeline calls. So it does exactly
the same.
"""

from collections.abc import Mapping
from typing import Any

from mmcmd.deployment.bundling import bundle
from mmcmd.deployment.steps import write_step
from mmcmd.inference.checkpoints import Recipe
from mmcmd.skeletons import Layout


def preprocessing_source(recipe: Recipe, facts: Mapping[str, Any]) -> str:
    """Return the Python file with the function ``prepare`` of an encoder.

    Args:
        recipe (Recipe): Recipe with the test pipeline.
        facts (Mapping): See :func:`mmcmd.deployment.export_checkpoint`.

    Raises:
        InputError: If a transform of the pipeline cannot be written in numpy, see
            :func:`write_step`.
    """
    functions, lines = [], []
    if any(transform['type'] == 'CentreFrames' for transform in recipe.pipeline):
        lines.append('real_frames = None')
    for transform in recipe.pipeline:
        used, code = write_step(transform)
        functions += used
        lines += code
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

It needs only numpy. Use it with onnxruntime:  session.run(None, prepare(array))
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

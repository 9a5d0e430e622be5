"""The exported preprocessing uses only numpy and gives the same as the test pipeline."""

import subprocess
import sys

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose

from mmcmd.deployment.preprocessing import preprocessing_source
from mmcmd.errors import InputError
from mmcmd.inference.checkpoints import Recipe
from mmcmd.skeletons import get_layout

PIPELINES = ('cmd', 'frame50', 'ascal', 'ms2l', 'pc', 'small', 'camera', 'slim')


def recipe_and_facts(pipeline, layout='ntu', clip_len=16):
    recipe = Recipe(get_layout(layout), clip_len, pipeline, ['wave', 'sit'], 'CMD')
    facts = {
        'method': 'CMD',
        'output': 'feature',
        'joints': list(recipe.layout.joints),
        'classes': recipe.classes,
        'clip_len': clip_len,
        'in_channels': 3,
        'counts_valid_frames': any(
            x['type'] == 'PadFrames' and x.get('count_valid', True) for x in pipeline
        ),
    }
    return recipe, facts


def run(source):
    namespace = {}
    exec(source, namespace)
    return namespace


@pytest.mark.parametrize('before', [[], [{'type': 'TranslateToStart'}], [{'type': 'MirrorFrames'}]])
def test_centre_is_that_of_the_frames_which_are_there(mmcmd_scope, recording, before):
    pipeline = [*before, {'type': 'CentreFrames'}, {'type': 'FormatGCNInput', 'num_person': 2}]
    recipe, facts = recipe_and_facts(pipeline)
    prepare = run(preprocessing_source(recipe, facts))['prepare']
    for frames in (5, 40):
        keypoint = recording(1, 2, frames)
        sample = {'keypoint': keypoint.copy(), 'label': 0, 'layout': recipe.layout}
        wanted = Compose(pipeline)(sample | {'clip_len': 16, 'frame_dir': 'x'})['keypoint']
        np.testing.assert_allclose(prepare(keypoint)['keypoint'], wanted, atol=1e-6)


@pytest.mark.parametrize('layout', ['ntu', 'kinect_v1', 'bandai2'])
@pytest.mark.parametrize('name', PIPELINES)
def test_it_gives_what_the_pipeline_gives(root, mmcmd_scope, recording, name, layout):
    path = root / f'configs/_base_/pipelines/{name}.py'
    pipeline = Config.fromfile(path).to_dict()
    if 'test_pipeline' in pipeline:
        pipeline = pipeline['test_pipeline']
    else:
        pipeline = [*pipeline['frames'], pipeline['as_clip'], pipeline['pack']]
    recipe, facts = recipe_and_facts(pipeline, layout)
    prepare = run(preprocessing_source(recipe, facts))['prepare']
    compose = Compose(pipeline)
    for seed, (persons, frames) in enumerate([(1, 5), (2, 16), (2, 40), (3, 70)]):
        keypoint = recording(seed, persons, frames)[:, :, : recipe.layout.num_joints]
        sample = {'keypoint': keypoint.copy(), 'label': 0, 'layout': recipe.layout}
        wanted = compose(sample | {'clip_len': 16, 'frame_dir': 'x'})
        found = prepare(keypoint)
        # A product of small matrices may be summed in another order.
        np.testing.assert_allclose(found['keypoint'], wanted['inputs'].numpy(), atol=1e-6)
        assert found['keypoint'].dtype == np.float32
        valid = wanted['data_samples'].metainfo.get('valid_frames')
        assert found.get('valid_frames', [None])[0] == valid
    longer = prepare(keypoint, num_frames=24)['keypoint']
    assert longer.shape == (1, *wanted['inputs'].shape[1:2], 24, recipe.layout.num_joints, 3)


def test_the_file_needs_numpy_alone_and_says_what_it_takes(tmp_path):
    pipeline = [{'type': 'NormalizeSkeleton'}, {'type': 'TemporalCropResize', 'ratio': 0.95}]
    (tmp_path / 'tiny_prepare.py').write_text(preprocessing_source(*recipe_and_facts(pipeline)))
    code = (
        f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n'
        'import numpy as np, tiny_prepare as t\n'
        "print(t.prepare(np.ones((30, 25, 3)))['keypoint'].shape, t.CLASSES, t.JOINTS[3])\n"
        "print([x for x in ('torch', 'mmcmd', 'mmcv') if x in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["(1, 1, 16, 25, 3) ['wave', 'sit'] head", '[]'], done.stderr


@pytest.mark.parametrize(
    ('keypoint', 'message'),
    [
        (np.ones((30, 24, 3)), 'V=25 joints and C=3, but got'),
        (np.ones((25, 3)), r'expected \(T, V, C\)'),
        (np.full((30, 25, 3), np.nan), 'not finite'),
        (np.zeros((2, 30, 25, 3)), 'only zeros'),
        (np.ones((0, 25, 3)), 'no frame'),
    ],
)
def test_a_wrong_recording_is_refused(keypoint, message):
    prepare = run(preprocessing_source(*recipe_and_facts([{'type': 'NormalizeSkeleton'}])))
    with pytest.raises(ValueError, match=message):
        prepare['prepare'](keypoint)


def test_the_recording_of_the_caller_is_left_as_it_is(recording):
    prepare = run(preprocessing_source(*recipe_and_facts([{'type': 'NormalizeSkeleton'}])))
    keypoint = recording()
    before = keypoint.copy()
    prepare['prepare'](keypoint)
    np.testing.assert_array_equal(keypoint, before)


@pytest.mark.parametrize(
    ('transform', 'message'),
    [
        ({'type': 'Shear'}, 'transform Shear, which cannot be written .* --no-preprocessing'),
        ({'type': 'NormalizeSkeleton', 'upside': 1}, 'NormalizeSkeleton with upside, which cannot'),
        ({'type': 'TemporalCropResize', 'ratio': (0.5, 1.0)}, 'random'),
    ],
)
def test_a_transform_without_a_numpy_form_is_named(transform, message):
    with pytest.raises(InputError, match=message):
        preprocessing_source(*recipe_and_facts([transform]))

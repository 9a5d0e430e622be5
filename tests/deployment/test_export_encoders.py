"""Exported files give the same features as the inferencers, from the raw array on."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from mmcmd import deployment
from mmcmd.apis import load_config
from mmcmd.errors import InputError
from mmcmd.inference import ActionInferencer, SkeletonEncoderInferencer
from mmcmd.registry import MODELS

BIGRU = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 2}
STGCN = {'type': 'SkeletonCLRSTGCN', 'graph_cfg': {}, 'hidden_channels': 4, 'hidden_dim': 8}
TRANSFORMER = {'clip_len': 8, 'embed_dims': 8, 'depth': 1, 'num_heads': 2}
ENCODERS = {
    'stepwise': BIGRU,
    'bidirectional': {**BIGRU, 'mode': 'bidirectional', 'readout': 'ends'},
    'mean': {**BIGRU, 'mode': 'bidirectional', 'readout': 'mean'},
    'batched': {**BIGRU, 'kernel': 'batched'},
    'lstm': {'type': 'LSTM', 'hidden_size': 4, 'num_layers': 2},
    'stgcn': STGCN,
    'transformer': {'type': 'SkeletonTransformer', 'patch_frames': 2, **TRANSFORMER},
    'rotary': {'type': 'RotaryTransformer', 'patch_frames': 2, **TRANSFORMER},
    'dste': {'type': 'SpatioTemporalTransformer', 'clip_len': 8, 'hidden_size': 16, 'dense': True},
    'sttr': {'type': 'SpatioTemporalTransformer', 'clip_len': 8, 'hidden_size': 16, 'dense': False},
}
OF_ONE_LENGTH = ('transformer', 'rotary', 'dste', 'sttr')
EXTRACTOR = {'type': 'FeatureExtractor', 'modalities': ['joint', 'motion', 'bone']}


def export_checkpoint(*args, **options):
    return deployment.export_checkpoint(*args, timing=0, **options)


def session_of(done):
    runtime = pytest.importorskip('onnxruntime')
    return runtime.InferenceSession(done.path, providers=['CPUExecutionProvider'])


def prepare_of(done):
    namespace = {}
    exec(done.preprocessing.read_text(), namespace)
    return namespace['prepare']


def assert_same(found, wanted):
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.fixture
def onnx():
    pytest.importorskip('onnxruntime')
    return pytest.importorskip('onnx')


@pytest.mark.parametrize('encoder', ENCODERS)
def test_features_of_an_array(onnx, save, recording, encoder):
    path = save(EXTRACTOR | {'backbone': ENCODERS[encoder]})
    done = export_checkpoint(path)
    assert done.path == path.with_suffix('.onnx')
    assert done.facts['any_length'] == (encoder not in OF_ONE_LENGTH)
    assert done.difference < 1e-5
    arrays = [recording(seed, frames=12 + seed) for seed in range(3)]
    wanted = SkeletonEncoderInferencer(path, 'cpu', show_progress=False)(arrays)
    session, prepare = session_of(done), prepare_of(done)
    assert [x.name for x in session.get_outputs()] == ['joint', 'motion', 'bone']
    batch = np.concatenate([prepare(x)['keypoint'] for x in arrays])
    found = session.run(None, {'keypoint': batch})
    for name, features in zip(('joint', 'motion', 'bone'), found, strict=True):
        assert_same(features, wanted[name])


def test_another_length_than_that_of_the_training(onnx, save, recording):
    path = save(EXTRACTOR | {'backbone': BIGRU})
    done = export_checkpoint(path, streams=['motion'])
    inputs = prepare_of(done)(recording(frames=40), num_frames=29)
    model = SkeletonEncoderInferencer(path, 'cpu').model
    with torch.no_grad():
        wanted = model.extract_feat(torch.from_numpy(inputs['keypoint']), 'motion')
    (found,) = session_of(done).run(None, inputs)
    assert_same(found, wanted.numpy())


@pytest.mark.parametrize(('mode', 'nodes'), [('stepwise', 4), ('bidirectional', 2)])
def test_a_recurrent_network_is_not_unrolled(onnx, save, mode, nodes):
    path = save({'type': 'FeatureExtractor', 'backbone': {**BIGRU, 'mode': mode}})
    graph = onnx.load(export_checkpoint(path).path).graph
    assert [x.op_type for x in graph.node].count('GRU') == nodes
    assert len(graph.node) < 80


def test_projection_is_what_the_method_compares(onnx, save, recording):
    config = {
        'type': 'SkeletonCLR',
        'backbone': BIGRU,
        'neck': {'type': 'ProjectionNeck', 'out_channels': 6, 'with_norm': True},
        'queue': {'type': 'KeyQueue', 'size': 12},
    }
    path = save(config)
    done = export_checkpoint(path, output='projection')
    inputs = prepare_of(done)(recording())
    model = MODELS.build({'modalities': ['joint'], **config}).eval()
    model.load_state_dict(torch.load(path, weights_only=True)['state_dict'])
    with torch.no_grad():
        wanted = model.query(torch.from_numpy(inputs['keypoint']), 'joint').numpy()
    (found,) = session_of(done).run(None, inputs)
    assert_same(found, wanted)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize('standardised', [{'with_norm': True}, {'whiten': 0.1}])
def test_probabilities_of_a_classifier_and_of_the_fusion(onnx, save, recording, standardised):
    head = {'type': 'LinearHead', 'num_classes': 5, 'init_std': 1.0, **standardised}
    model = {'type': 'SkeletonClassifier', 'backbone': BIGRU, 'head': head}
    path = save(model | {'modalities': ['joint', 'bone']})
    done = export_checkpoint(path)
    assert done.facts['output'] == 'scores'
    (wanted,) = ActionInferencer(path, device='cpu')(recording())
    session = session_of(done)
    assert [x.name for x in session.get_outputs()] == ['joint', 'bone', '2s']
    joint, bone, fused = session.run(None, prepare_of(done)(recording()))
    assert_same(joint[0], wanted.streams['joint'])
    assert_same(bone[0], wanted.streams['bone'])
    assert_same(fused[0], wanted.probabilities)


def test_padded_clips_have_their_number_of_valid_frames_as_an_input(onnx, save, recording):
    backbone = {**BIGRU, 'mode': 'bidirectional', 'readout': 'mean', 'with_norm': False}
    path = save({'type': 'FeatureExtractor', 'backbone': backbone}, pipeline='ms2l', clip_len=16)
    done = export_checkpoint(path)
    session, prepare = session_of(done), prepare_of(done)
    assert [x.name for x in session.get_inputs()] == ['keypoint', 'valid_frames']
    arrays = [recording(1, frames=5), recording(2, frames=16), recording(3, frames=50)]
    wanted = SkeletonEncoderInferencer(path, 'cpu')(arrays)['joint']
    found = [session.run(None, prepare(x))[0][0] for x in arrays]
    assert_same(np.array(found), wanted)


def test_an_encoder_of_clips_of_one_length_has_that_length(onnx, save, recording):
    backbone = {'type': 'HCN', 'clip_len': 16, 'channels': 2}
    path = save({'type': 'FeatureExtractor', 'backbone': backbone}, clip_len=16)
    done = export_checkpoint(path)
    assert not done.facts['any_length']
    session = session_of(done)
    assert session.get_inputs()[0].shape == ['N', 2, 16, 25, 3]
    wanted = SkeletonEncoderInferencer(path, 'cpu')(recording())['joint']
    assert_same(session.run(None, prepare_of(done)(recording()))[0], wanted)


def test_a_transformer_with_a_class_token_takes_any_number_of_sequences(onnx, save, recording):
    backbone = {'type': 'RotaryTransformer', 'clip_len': 16, 'embed_dims': 8, 'depth': 1}
    backbone |= {'num_heads': 2, 'patch_frames': 2}
    path = save({'type': 'FeatureExtractor', 'backbone': backbone}, clip_len=16)
    done = export_checkpoint(path)
    recordings = [recording(seed) for seed in range(3)]
    wanted = SkeletonEncoderInferencer(path, 'cpu', show_progress=False)(recordings)['joint']
    batch = np.concatenate([prepare_of(done)(x)['keypoint'] for x in recordings])
    assert_same(session_of(done).run(None, {'keypoint': batch})[0], wanted)


def test_the_file_says_what_it_is(onnx, save):
    done = export_checkpoint(save({'type': 'FeatureExtractor', 'backbone': BIGRU}))
    facts = json.loads(session_of(done).get_modelmeta().custom_metadata_map['mmcmd'])
    assert (facts['layout'], facts['clip_len'], facts['outputs']) == ('ntu', 8, ['joint'])
    assert facts['any_length']
    assert facts['joints'][3] == 'head'


def test_a_program_of_torch_runs_where_there_is_no_mmcmd(save, recording, tmp_path):
    path = save({'type': 'FeatureExtractor', 'backbone': {**BIGRU, 'hidden_size': 48}})
    done = export_checkpoint(path, fmt='torch_export')
    assert done.facts['any_length']
    weights = sum(x.nbytes for x in torch.load(path, weights_only=True)['state_dict'].values())
    assert done.path.stat().st_size < 1.6 * weights  # they are stored once
    wanted = SkeletonEncoderInferencer(path, 'cpu')(recording())['joint']
    np.save(tmp_path / 'recording.npy', recording())
    code = (
        'import sys, numpy as np, torch, tiny_prepare\n'
        "facts = {'mmcmd.json': ''}\n"
        "module = torch.export.load('tiny.pt2', extra_files=facts).module()\n"
        "inputs = tiny_prepare.prepare(np.load('recording.npy'))\n"
        "x = torch.from_numpy(inputs['keypoint'])\n"
        'twice = torch.cat([x, x.flip(2)]).repeat(1, 1, 3, 1, 1)\n'
        "assert module(keypoint=twice)['joint'].shape[0] == 2\n"
        "np.save('features.npy', module(keypoint=x)['joint'].detach().numpy())\n"
        "assert 'mmcmd' not in sys.modules and '\"layout\": \"ntu\"' in facts['mmcmd.json']\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert_same(np.load(tmp_path / 'features.npy'), wanted)


class Unusual(torch.nn.Module):
    """Encoders that an exporter cannot follow."""

    out_channels = 3

    def __init__(self, what):
        super().__init__()
        self.what = what
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, joints):
        points = joints.flatten(1, 3) * self.weight
        if self.what == 'operator':
            return torch.linalg.svdvals(points)
        if len(points) == 2:  # a trace records only one branch
            return points.sum(dim=1)
        return points.mean(dim=1)


@pytest.fixture
def unusual():
    MODELS.register_module(module=Unusual, force=True)
    yield lambda what: {'type': 'FeatureExtractor', 'backbone': {'type': 'Unusual', 'what': what}}
    MODELS.module_dict.pop('Unusual')


@pytest.mark.parametrize(
    ('what', 'message'),
    [
        ('operator', 'Unusual cannot be exported as onnx .*svd.*; try another --format'),
        ('branch', 'differs from torch by .* so it is not written'),
    ],
)
def test_what_cannot_be_exported_is_told_and_not_written(onnx, save, unusual, what, message):
    path = save(unusual(what))
    with pytest.raises(InputError, match=message):
        export_checkpoint(path)
    assert [x.name for x in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_without_a_description_takes_a_config(
    onnx, root, pretrained, tiny_options, recording, tmp_path
):
    checkpoint = torch.load(pretrained / 'epoch_2.pth', weights_only=True)
    torch.save({'state_dict': checkpoint['state_dict']}, tmp_path / 'old.pth')
    with pytest.raises(InputError, match='does not describe its encoders'):
        export_checkpoint(tmp_path / 'old.pth')
    path = root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'
    done = export_checkpoint(tmp_path / 'old.pth', config=load_config(path, options=tiny_options))
    wanted = SkeletonEncoderInferencer(pretrained / 'epoch_2.pth', 'cpu')(recording())
    # The options of this training have shorter clips than its config describes.
    inputs = prepare_of(done)(recording(), num_frames=64)
    assert_same(session_of(done).run(['motion'], inputs)[0], wanted['motion'])


def test_weights_above_two_gigabytes_are_refused(onnx, save, monkeypatch):
    from mmcmd.deployment import onnx_file

    monkeypatch.setattr(onnx_file, 'LARGEST', 1000)
    path = save({'type': 'FeatureExtractor', 'backbone': BIGRU})
    with pytest.raises(InputError, match='export fewer --streams'):
        export_checkpoint(path)


def test_training_is_not_changed_by_an_export(onnx, save):
    path = save({'type': 'FeatureExtractor', 'backbone': BIGRU})
    model = SkeletonEncoderInferencer(path, 'cpu').model
    clips = torch.randn(2, 2, 8, 25, 3)
    before = model.extract_feat(clips)
    export_checkpoint(path)
    assert torch.equal(model.extract_feat(clips), before)
    assert model.extract_feat(clips).requires_grad

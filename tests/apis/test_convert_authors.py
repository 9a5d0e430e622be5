"""Tools that convert the authors' released checkpoints."""

import re
from argparse import Namespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmcmd.apis import init_model, load_config
from mmcmd.registry import MODELS

TOOL = 'model_converters/to_mmcmd.py'
SIZES = {
    'model.backbone.hidden_channels': 4,
    'model.backbone.hidden_dim': 24,
    'model.neck.out_channels': 16,
    'model.queue.size': 40,
}


@pytest.fixture
def released(shared):
    """Return a function: name -> a checkpoint of the released code."""
    return lambda name: shared / 'golden' / 'methods' / f'{name}_final.pth.tar'


@pytest.fixture
def convert(run_tool, tmp_path):
    """Return a function: arguments of the tool -> the checkpoint it writes, and its file."""
    out = tmp_path / 'new' / 'out.pth'

    def run(method, source, *options):
        status, stdout, stderr = run_tool(TOOL, method, source, out, *options)
        assert status == 0, stderr
        assert stdout.startswith(f'{out}: ')
        assert list(out.parent.iterdir()) == [out]
        return torch.load(out, weights_only=True), out

    return run


@pytest.mark.parametrize(
    ('name', 'method', 'streams'),
    [
        ('skeletonclr', 'skeletonclr', ['joint']),
        ('crossclr', 'crossclr', ['joint', 'motion', 'bone']),
        ('crossclr_2s', 'crossclr', ['joint', 'motion']),
        ('aimclr', 'aimclr', ['joint']),
    ],
)
def test_model_of_the_config_loads_a_converted_checkpoint(
    released, convert, root, name, method, streams
):
    checkpoint, _ = convert(method, released(name))
    assert list(checkpoint['meta']['encoder']['streams']) == streams
    config = root / 'configs' / method / f'{method}.py'
    options = {'model.modalities': streams, **SIZES}
    cfg = load_config(config, data='ntu60_xsub', encoder='stgcn_clr', options=options)
    MODELS.build(cfg.model).load_state_dict(checkpoint['state_dict'], strict=True)


RECORDED = {
    # C, T, V, M
    'ascal': lambda x: (torch.from_numpy(x['eval_input']).permute(0, 4, 2, 3, 1), None),
    # N, T, C * V * M
    'ms2l': lambda x: (
        torch.from_numpy(x['x'][0]).unflatten(2, (3, 25, 2)).permute(0, 4, 1, 3, 2),
        torch.from_numpy(x['num_frames'][0]),
    ),
    # N, T, V * C
    'pc': lambda x: (
        torch.from_numpy(x['x'][0]).unflatten(2, (20, 3))[:, None],
        torch.from_numpy(x['lengths'][0]),
    ),
}
"""Joints (N, M, T, V, C) and valid frames of a recorded feature."""


@pytest.mark.parametrize(
    ('name', 'data', 'feature'),
    [
        ('ascal', 'ntu60_xsub', 'feature'),
        ('ms2l', 'ntu60_xsub', 'feature'),
        ('pc', 'nwucla_xsub', 'plain/feature'),
    ],
)
def test_converted_encoder_gives_the_recorded_features(
    shared, convert, tmp_path, name, data, feature
):
    folder = shared / 'golden' / 'methods'
    file = folder / f'{name}_final.pth.tar'
    if name == 'pc':  # the recording has four runs in one file
        theirs = torch.load(file, weights_only=True)
        file = tmp_path / 'epoch4.tar'
        torch.save({'epoch': 4, 'model_state_dict': theirs['plain'], 'loss': 1.0}, file)
    checkpoint, out = convert(name, file, '--data', data)
    cfg = load_config('configs/benchmarks/knn.py', checkpoint=str(out))
    assert cfg.data.name == data
    model = MODELS.build(cfg.model)
    encoders = {x: y for x, y in checkpoint['state_dict'].items() if x.startswith('encoders.')}
    model.load_state_dict(encoders, strict=True)
    recorded = np.load(folder / f'{name}_train.npz')
    joints, valid = RECORDED[name](recorded)
    found = model.eval().extract_feat(joints, valid_frames=valid).detach()
    np.testing.assert_allclose(found, recorded[feature], atol=1e-5)


def test_released_encoder_of_ms2l_is_converted_alone(shared, convert, tmp_path):
    file = shared / 'golden' / 'methods' / 'ms2l_final.pth.tar'
    theirs = torch.load(file, weights_only=True)['state_dict']
    encoder = {
        f'module.{name.removeprefix("encoder.")}': x
        for name, x in theirs.items()
        if name.startswith('encoder.')
    }
    torch.save(encoder, tmp_path / 'released.pt')
    whole, _ = convert('ms2l', file)
    alone, _ = convert('ms2l', tmp_path / 'released.pt')
    assert len(alone['state_dict']) == len(encoder) == 16
    for name, x in alone['state_dict'].items():
        assert torch.equal(x, whole['state_dict'][name])


def test_model_of_the_config_loads_a_converted_checkpoint_of_cmd(shared, run_tool, root, tmp_path):
    source, out = shared / 'golden' / 'official_final.pth.tar', tmp_path / 'out.pth'
    status, _, stderr = run_tool('model_converters/cmd_to_mmcmd.py', source, out)
    assert status == 0, stderr
    checkpoint = torch.load(out, weights_only=True)
    cfg = load_config(
        root / 'configs' / 'cmd' / 'cmd.py',
        data='ntu60_xsub',
        encoder='bigru',
        options={
            'model.backbone.hidden_size': 32,
            'model.neck.out_channels': 16,
            'model.queue.size': 128,
            'model.distill_head.topk': 32,
        },
    )
    MODELS.build(cfg.model).load_state_dict(checkpoint['state_dict'], strict=True)
    theirs = torch.load(source, weights_only=True)
    assert checkpoint['meta']['epoch'] == theirs['epoch'] > 0
    assert run_tool(TOOL, 'cmd', source, tmp_path / 'same.pth')[0] == 0
    same = torch.load(tmp_path / 'same.pth', weights_only=True)
    assert same['meta'] == checkpoint['meta']


def test_checkpoint_of_two_kinds_of_encoders_is_converted_and_evaluated(released, convert, root):
    golden = np.load(released('isc').with_name('isc_train.npz'))
    checkpoint, out = convert('isc', released('isc'))
    # recorded as (N, C, T, V, M)
    joints = torch.from_numpy(golden['steps'][0, 0].transpose(0, 4, 2, 3, 1).copy())
    for options, recorded in (({}, 'seq'), ({'model.modalities': ['joint_partner']}, 'graph')):
        cfg = load_config(
            root / 'configs/benchmarks/knn.py',
            checkpoint=str(out),
            data='ntu60_xsub',
            options=options,
        )
        model = init_model(cfg, out)
        with torch.no_grad():
            found = model(joints)
        np.testing.assert_allclose(found, golden[f'feat/{recorded}'], atol=1e-4)
    cfg = load_config(
        root / 'configs/isc/isc_bigru_plain_ntu60_xsub.py',
        options={
            'model.backbone.hidden_size': 20,
            'model.partner.base_channels': 4,
            'model.neck.out_channels': 16,
            'model.queue.size': 40,
        },
    )
    MODELS.build(cfg.model).load_state_dict(checkpoint['state_dict'], strict=True)


def test_checkpoint_of_a_graph_and_an_image_encoder_is_converted(released, convert, tmp_path):
    theirs = torch.load(released('isc'), weights_only=True)['state_dict']
    image = torch.load(released('isc').with_name('isc_hcn_init.pth.tar'), weights_only=True)
    image = {name: x for name, x in image.items() if not name.startswith('fc')}
    image |= {'fc.0.weight': torch.ones(32, 32), 'fc.0.bias': torch.ones(32)}
    image |= {'fc.2.weight': torch.ones(16, 32), 'fc.2.bias': torch.ones(16)}
    state = {name: x for name, x in theirs.items() if 'encoder' not in name}
    for graph, first, second in (('r', 'q', 'r'), ('l', 'k', 'l')):
        start = f'module.encoder_{graph}.'
        state |= {
            x.replace(start, f'module.encoder_{first}.'): y for x, y in theirs.items() if start in x
        }
        state |= {f'module.encoder_{second}.{name}': x for name, x in image.items()}
    torch.save({'epoch': 3, 'state_dict': state}, tmp_path / 'theirs.pth.tar')
    checkpoint, _ = convert('isc', tmp_path / 'theirs.pth.tar')
    backbones = {x: y['backbone'] for x, y in checkpoint['meta']['encoder']['streams'].items()}
    assert backbones['joint'] == {'type': 'AGCN', 'base_channels': 4}
    assert backbones['joint_partner'] == {'type': 'HCN', 'channels': 8, 'clip_len': 16}


@pytest.mark.parametrize(
    ('name', 'stream', 'hidden', 'decoder', 'size', 'queue', 'prompt'),
    [('pcm3', 'joint', 24, 20, 16, 48, 6), ('pcm3_noprompt_bone', 'bone', 20, 16, 12, 36, None)],
)
def test_model_of_the_config_loads_a_converted_checkpoint_of_pcm3(
    shared, released, convert, root, name, stream, hidden, decoder, size, queue, prompt
):
    checkpoint, out = convert('pcm3', released(name), '--stream', stream)
    state, config = checkpoint['state_dict'], root / 'configs' / 'pcm3' / 'pcm3.py'
    options = {
        'model.modalities': [stream],
        'model.backbone.hidden_size': hidden,
        'model.decoder.hidden_size': decoder,
        'model.neck.out_channels': size,
        'model.queue.size': queue,
        'model.prompt_size': prompt,
    }
    cfg = load_config(config, data='ntu60_xsub', encoder='bigru', options=options)
    MODELS.build(cfg.model).load_state_dict(state, strict=True)
    assert any(x.startswith('prompts.') for x in state) == (stream == 'joint')

    cfg = load_config(root / 'configs/benchmarks/knn.py', checkpoint=str(out))
    encoder = MODELS.build(cfg.model).eval()
    encoder.load_state_dict({x: y for x, y in state.items() if x.startswith('encoders.')})
    with np.load(released(name).with_name(f'{name}_train.npz')) as recording:
        views, feature = recording['views'][0, 2], recording['feature']
    joints = torch.from_numpy(views.transpose(0, 4, 2, 3, 1).copy())
    with torch.no_grad():
        np.testing.assert_allclose(encoder.extract_feat(joints, stream), feature, atol=1e-5)


def test_checkpoint_says_what_evaluations_ask(released, convert, root):
    checkpoint, out = convert('crossclr', released('crossclr'))
    encoder = checkpoint['meta']['encoder']
    assert (encoder['method'], encoder['layout'], encoder['clip_len']) == ('CrosSCLR', 'ntu', 50)
    assert 'data' not in encoder
    cfg = load_config(root / 'configs/benchmarks/linear_clr.py', pretrained=str(out))
    assert cfg.model.modalities == ['joint', 'motion', 'bone']
    assert cfg.model.backbone.hidden_dim == 24
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert pipeline == cfg.test_dataloader.dataset.pipeline
    assert pipeline[0].type == 'NormalizePersons'


def test_files_of_single_streams_are_joined(released, convert, root):
    motion = released('aimclr').with_name('aimclr_init.pth.tar')
    checkpoint, out = convert(
        *('aimclr', released('aimclr'), '--join', f'motion={motion}', '--data', 'ntu120_xsub')
    )
    weights = {
        stream: checkpoint['state_dict'][f'necks.{stream}.out.weight']
        for stream in ('joint', 'motion')
    }
    for stream, file in (('joint', released('aimclr')), ('motion', motion)):
        theirs = torch.load(file, weights_only=True)
        assert torch.equal(weights[stream], theirs['encoder_q.fc.2.weight'])
    cfg = load_config(root / 'configs/benchmarks/linear_clr.py', pretrained=str(out))
    assert (cfg.model.modalities, cfg.data.name) == (['joint', 'motion'], 'ntu120_xsub')


def test_linear_evaluation_of_a_converted_checkpoint_runs(
    released, convert, run_tool, root, tiny_pickle, tmp_path
):
    checkpoint, out = convert('skeletonclr', released('skeletonclr'))
    work_dir = tmp_path / 'linear'
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    options = {
        'model.head.num_classes': 4,
        'train_cfg.max_epochs': 1,
        'train_dataloader.batch_size': 5,
        'train_cfg.val_interval': 1,
        **{f'{loader}.num_workers': 0 for loader in loaders},
    }
    status, _, stderr = run_tool(
        'train.py',
        root / 'configs/benchmarks/linear_clr.py',
        *('--pretrained', out, '--ann-file', tiny_pickle, '--work-dir', work_dir, '--cfg-options'),
        *(f'{key}={value}' for key, value in options.items()),
    )
    assert status == 0, stderr
    state = torch.load(work_dir / 'epoch_1.pth', weights_only=True)['state_dict']
    for name, tensor in checkpoint['state_dict'].items():
        if name.startswith('encoders.'):
            np.testing.assert_array_equal(state[name], tensor)


@pytest.mark.parametrize(
    ('method', 'content', 'message'),
    [
        ('cmd', {'state_dict': 5}, 'source.pth has no state_dict of tensors, .* of cmd; give'),
        ('cmd', {'weights': torch.zeros(1)}, "'weights' in .*source.pth is not a tensor"),
        ('cmd', {'state_dict': {}}, 'lacks a tensor'),
        ('skeletonclr', {'queue': torch.zeros(2, 3)}, 'lacks a tensor'),
        ('isc', {'queue': torch.zeros(2, 3)}, "'queue' in .*source.pth is not a tensor .*isc"),
        ('simclr', {'queue': torch.zeros(2, 3)}, "no converter for checkpoints of 'simclr'"),
    ],
)
def test_file_of_another_kind_is_told(run_tool, tmp_path, method, content, message):
    torch.save(content, tmp_path / 'source.pth')
    status, stdout, stderr = run_tool(TOOL, method, tmp_path / 'source.pth', tmp_path / 'out.pth')
    assert (status, stdout) == (2, '')
    last = stderr.splitlines()[-1]
    assert last.startswith('to_mmcmd.py: error: ')
    assert re.search(message, last)
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize('text', ['motion', 'left=a.pt', 'joint=a.pt', 'bone='])
def test_join_that_names_no_further_stream_is_told(run_tool, tmp_path, text):
    status, _, stderr = run_tool(TOOL, 'aimclr', 'a.pt', tmp_path / 'out.pth', '--join', text)
    assert status == 2
    assert f'got {text!r}' in stderr


def test_encoders_of_different_sizes_are_not_joined(run_tool, released, tmp_path):
    theirs = torch.load(released('aimclr'), weights_only=True)
    theirs['encoder_q.fc.2.weight'] = torch.zeros(7, 24)
    torch.save(theirs, tmp_path / 'bone.pt')
    status, _, stderr = run_tool(
        *(TOOL, 'aimclr', released('aimclr'), tmp_path / 'out.pth'),
        *('--join', f'bone={tmp_path / "bone.pt"}'),
    )
    assert status == 2
    assert 'necks.bone.out.weight is (7, 24) in the file' in stderr


def test_checkpoint_of_mamp_is_converted_and_its_options_are_data(shared, convert, tmp_path):
    folder = shared / 'golden' / 'methods'
    theirs = torch.load(folder / 'mamp_final.pth.tar', weights_only=True)
    options = Namespace(lr=1e-3, mask_ratio=0.9, config={'model_args': ['a', None]})
    torch.save({**theirs, 'args': options, 'scaler': {}}, tmp_path / 'checkpoint-399.pth')
    checkpoint, out = convert('mamp', tmp_path / 'checkpoint-399.pth', '--data', 'ntu60_xsub')
    assert len(checkpoint['state_dict']) == len(theirs['model'])
    heads = {'model.backbone.num_heads': 4}  # a checkpoint does not hold this number
    cfg = load_config('configs/benchmarks/knn.py', checkpoint=str(out), options=heads)
    assert cfg.test_dataloader.dataset.pipeline[0].type == 'TranslateToStart'
    recorded = np.load(folder / 'mamp_train.npz')
    joints = torch.from_numpy(recorded['steps'][0].transpose(0, 4, 2, 3, 1).astype('f4'))
    with torch.no_grad():
        found = init_model(cfg, out)(joints)
    np.testing.assert_allclose(found, recorded['eval/feat'], atol=1e-4)


def test_checkpoint_of_slim_is_converted_and_trained_further(shared, convert):
    folder = shared / 'golden' / 'methods'
    checkpoint, out = convert('slim', folder / 'slim_teacher_final.pth.tar', '--data', 'ntu60_xsub')
    sizes = {'embed_dims': 32, 'depth': 2, 'num_heads': 4}
    neck = {'out_channels': 48, 'hidden_channels': 40, 'bottleneck_channels': 16}
    options = {f'model.backbone.{name}': x for name, x in sizes.items()}
    options |= {f'model.neck.{name}': x for name, x in neck.items()}
    model = MODELS.build(load_config('configs/slim/slim.py', options=options).model)
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    teacher, student = (x.joint.backbone.positions for x in (model.encoders, model.students))
    assert torch.equal(teacher, student)  # a training saves the teacher alone
    cfg = load_config('configs/benchmarks/linear_slim.py', pretrained=str(out))
    assert (cfg.model.backbone.class_layers, cfg.model.pooling.type) == (4, 'PersonPooling')
    assert cfg.test_dataloader.dataset.pipeline[0].anywhere


def test_published_encoder_of_slim_is_converted(shared, convert, tmp_path):
    folder = shared / 'golden' / 'methods'
    theirs = torch.load(folder / 'slim_teacher_final.pth.tar', weights_only=True)['teacher']
    encoder = {name: x for name, x in theirs.items() if name.startswith('backbone.')}
    published = {name.removeprefix('backbone.'): x.contiguous() for name, x in encoder.items()}
    save_file(published, tmp_path / 'model.safetensors')
    torch.save({'teacher': encoder}, tmp_path / 'slim_ntu60_best_xsub.pth')
    recorded = np.load(folder / 'slim_train.npz')
    joints = torch.from_numpy(recorded['eval/input'].transpose(0, 4, 2, 3, 1).astype('f4'))
    for name in ('model.safetensors', 'slim_ntu60_best_xsub.pth'):
        checkpoint, out = convert('slim', tmp_path / name)
        assert len(checkpoint['state_dict']) == len(encoder)
        heads = {'model.backbone.num_heads': 4}  # which a checkpoint does not say
        cfg = load_config(
            'configs/benchmarks/knn.py', data='ntu60_xsub', checkpoint=str(out), options=heads
        )
        with torch.no_grad():
            found = init_model(cfg, out)(joints).unflatten(1, (2, 2, 32)).transpose(1, 2)
        found = torch.nn.functional.normalize(found.flatten(1), dim=1)
        np.testing.assert_allclose(found, recorded['eval/knn'], atol=1e-4)


def test_torn_file_of_published_weights_is_told(run_tool, tmp_path):
    (tmp_path / 'model.safetensors').write_bytes(b'torn')
    status, _, stderr = run_tool(TOOL, 'slim', tmp_path / 'model.safetensors', tmp_path / 'out.pth')
    assert status == 2
    assert 'model.safetensors is damaged, or in another format' in stderr
    status, _, stderr = run_tool(TOOL, 'slim', tmp_path / 'none.safetensors', tmp_path / 'out.pth')
    assert status == 2
    assert 'none.safetensors does not exist' in stderr


def test_fine_tuning_of_mamp_changes_the_encoders_of_a_checkpoint(shared, convert):
    _, out = convert('mamp', shared / 'golden' / 'methods' / 'mamp_final.pth.tar')
    file = 'configs/benchmarks/finetune_mamp.py'
    cfg = load_config(file, data='ntu60_xsub', pretrained=str(out))
    model = MODELS.build(cfg.model)
    backbone = model.encoders['joint'].backbone
    assert len(backbone.blocks) == 3
    assert backbone.blocks[-1].drop_path.drop_prob == pytest.approx(0.3)
    assert model.heads['joint'].hidden.in_features == 25 * 32

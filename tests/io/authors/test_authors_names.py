import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.io.authors import METHODS, authors_tensors, model_sizes, rename_authors_state
from mmcmd.registry import MODELS


def authors_state(model):
    """Rename the tensors of a model as in the authors' released code."""
    suffix = {'joint': '', 'motion': '_motion', 'bone': '_bone'}
    state = {}
    for name, tensor in model.state_dict().items():
        group, modality, *rest = name.split('.')
        role = 'k' if group.startswith('key_') else 'q'
        if group == 'queues':
            theirs = rest[0] + suffix[modality]
        else:
            part = '.'.join(rest)
            for ours, name_ in (
                ('backbone.rnn.', 'encoder.gru.'),
                ('backbone.input_norm.', 'input_norm.'),
                ('hidden.', 'fc.0.'),
                ('out.', 'fc.2.'),
            ):
                part = part.replace(ours, name_)
            theirs = f'encoder_{role}{suffix[modality]}.{part}'
        state[theirs] = tensor
    return state


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_every_tensor_is_renamed_and_none_changed(tiny_cmd, prefix):
    model = tiny_cmd()
    state = {prefix + name: tensor for name, tensor in authors_state(model).items()}
    renamed = rename_authors_state('cmd', state)
    expected = model.state_dict()
    assert set(renamed) == set(expected)
    assert all(torch.equal(renamed[name], expected[name]) for name in expected)


def released_names(method, streams=('joint',)):
    """Return the names in a released checkpoint of a method on its ST-GCN."""
    norm = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
    affine = ('weight', 'bias')
    encoder = ['A', *(f'data_bn.{x}' for x in norm)]
    for block in range(10):
        start = f'st_gcn_networks.{block}.'
        encoder.append(f'edge_importance.{block}')
        encoder += [f'{start}{part}.{x}' for part in ('gcn.conv', 'tcn.2') for x in affine]
        encoder += [f'{start}{part}.{x}' for part in ('tcn.0', 'tcn.3') for x in norm]
        if block in (4, 7, 9):
            encoder += [f'{start}residual.0.{x}' for x in affine]
            encoder += [f'{start}residual.1.{x}' for x in norm]
    names = []
    for stream in streams:
        suffix = '' if stream == 'joint' else f'_{stream}'
        names += [f'queue{suffix}', f'queue_ptr{suffix}']
        layers = ('fc.0', 'fc.2.0', 'fc.2.2') if suffix else ('fc.0', 'fc.2')
        tensors = [*encoder, *(f'{layer}.{x}' for layer in layers for x in affine)]
        names += [f'encoder_{part}{suffix}.{x}' for part in 'qk' for x in tensors]
    return names


def tiny(model_type, streams):
    return MODELS.build(
        {
            'type': model_type,
            'modalities': streams,
            'backbone': {'type': 'SkeletonCLRSTGCN', 'hidden_channels': 4, 'hidden_dim': 12},
            'neck': {'type': 'ProjectionNeck', 'out_channels': 6},
            'queue': {'type': 'KeyQueue', 'size': 20},
        }
    )


@pytest.mark.parametrize(
    ('method', 'model_type', 'streams'),
    [
        ('skeletonclr', 'SkeletonCLR', ['joint']),
        ('aimclr', 'AimCLR', ['joint']),
        ('crossclr', 'CrosSCLR', ['joint', 'motion']),
        ('crossclr', 'CrosSCLR', ['joint', 'motion', 'bone']),
    ],
)
def test_released_names_are_those_of_the_model(method, model_type, streams):
    names = released_names(method, streams)
    renamed = rename_authors_state(method, {x: torch.zeros(1) for x in names})
    assert set(renamed) == set(tiny(model_type, streams).state_dict())
    assert len(names) == {1: 364, 2: 732, 3: 1100}[len(streams)]


@pytest.mark.parametrize('moment', ['init', 'final'])
def test_ascal_s_memory_becomes_the_queue(shared, moment):
    file = shared / 'golden' / 'methods' / f'ascal_{moment}.pth.tar'
    theirs = torch.load(file, weights_only=True)
    ours = rename_authors_state('ascal', authors_tensors('ascal', theirs), 'motion')
    assert torch.equal(ours['queues.motion.queue'].T, theirs['contrast']['memory'])
    assert ours['queues.motion.queue_ptr'].tolist() == [0]
    for part, name in (('model', 'encoders'), ('model_ema', 'key_encoders')):
        weight = ours[f'{name}.motion.backbone.rnn.weight_hh_l0']
        assert torch.equal(weight, theirs[part]['bi_lstm.weight_hh_l0'])
    assert len(ours) == 10


def test_checkpoint_of_another_method_is_told():
    other = {'state_dict': {'encoder_q.fc.0.weight': torch.zeros(1)}, 'epoch': 3}
    with pytest.raises(InputError, match=r'a\.pt is not a checkpoint of .* of ascal; give the'):
        authors_tensors('ascal', other, 'a.pt')
    with pytest.raises(InputError, match=r"'model.x' in the checkpoint is not .* of cmd"):
        rename_authors_state('cmd', authors_tensors('cmd', {'model.x': torch.zeros(1)}))


@pytest.mark.parametrize(
    ('theirs', 'ours'),
    [
        ('encoder_q.fc.2.bias', 'necks.joint.out.bias'),
        ('encoder_k_motion.fc.0.weight', 'key_necks.motion.0.weight'),
        ('encoder_q_bone.fc.2.0.weight', 'necks.bone.2.hidden.weight'),
        ('encoder_k_bone.fc.2.2.bias', 'key_necks.bone.2.out.bias'),
        ('encoder_k.data_bn.bias', 'key_encoders.joint.backbone.data_bn.bias'),
        ('queue_ptr_motion', 'queues.motion.queue_ptr'),
    ],
)
def test_crossclr_s_later_streams_hold_the_projection_of_the_first(theirs, ours):
    assert list(rename_authors_state('crossclr', {theirs: torch.zeros(1)})) == [ours]


def test_adjacency_goes_to_the_blocks_of_its_own_encoder():
    state = {f'encoder_{x}.edge_importance.{b}': torch.ones(1) for x in 'qk' for b in (0, 1)}
    adjacencies = {'encoder_q.A': torch.zeros(1), 'encoder_k.A': torch.ones(1)}
    renamed = rename_authors_state('aimclr', state | adjacencies, 'bone')
    for prefix, theirs in (('', 'encoder_q.A'), ('key_', 'encoder_k.A')):
        for block in (0, 1):
            name = f'{prefix}encoders.bone.backbone.gcn.{block}.gcn.A'
            assert renamed[name] is adjacencies[theirs]
    assert len(renamed) == 8


def test_sizes_are_read_from_shapes(tiny_cmd):
    state = tiny('CrosSCLR', ['joint', 'motion']).state_dict()
    assert model_sizes(state) == {
        'modalities': ['joint', 'motion'],
        'backbone': {'hidden_channels': 4, 'hidden_dim': 12},
        'neck': {'out_channels': 6},
        'queue': {'size': 20},
    }
    sizes = model_sizes(tiny_cmd(modalities=('motion',)).state_dict())
    assert sizes['backbone'] == {'hidden_size': 4, 'num_layers': 1}


@pytest.mark.parametrize('left_out', ['encoders.', 'queues.', 'encoders.joint.backbone.rnn'])
def test_state_that_does_not_say_its_sizes_is_told(tiny_cmd, left_out):
    state = tiny_cmd().state_dict()
    with pytest.raises(InputError, match='lacks a tensor'):
        model_sizes({name: x for name, x in state.items() if not name.startswith(left_out)})


def test_names_of_isc_are_those_of_graph_and_image_encoders():
    names = {
        'encoder_q.l10.gcn1.conv_d.2.bias': 'encoders.joint.backbone.gcn.9.gcn.conv_d.2.bias',
        'encoder_k.l1.tcn1.bn.weight': 'key_encoders.joint.backbone.gcn.0.tcn.bn.weight',
        'encoder_q.l5.residual.conv.bias': 'encoders.joint.backbone.gcn.4.residual.conv.bias',
        'encoder_r.conv2m.weight': 'encoders.joint_partner.backbone.motion.time.weight',
        'encoder_r.conv5.0.bias': 'encoders.joint_partner.backbone.joined.bias',
        'encoder_l.conv3.0.weight': 'key_encoders.joint_partner.backbone.position.joints.weight',
        'encoder_l.fc.2.bias': 'key_necks.joint_partner.out.bias',
        'Queue_S1': 'queues.joint.queue',
        'queue_ptr_S2': 'queues.joint_partner.queue_ptr',
    }
    renamed = rename_authors_state('isc', {f'module.{x}': torch.zeros(1) for x in names})
    assert list(renamed) == list(names.values())


def test_kinds_of_isc_s_encoders_are_read_from_their_tensors():
    model = MODELS.build(
        {
            'type': 'ISC',
            'backbone': {'type': 'AGCN', 'base_channels': 4},
            'partner': {'type': 'HCN', 'clip_len': 32, 'channels': 8},
            'neck': {'type': 'ProjectionNeck', 'out_channels': 6},
            'queue': {'type': 'KeyQueue', 'size': 20},
        }
    )
    sizes = model_sizes(model.state_dict())
    assert sizes['modalities'] == ['joint']
    assert sizes['backbone'] == {'type': 'AGCN', 'base_channels': 4}
    assert sizes['partner'] == {'_delete_': True, 'type': 'HCN', 'clip_len': 32, 'channels': 8}


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize(
    'name',
    ['conv1.weight', 'encoder_q.fc.weight', 'encoder_q.', 'queue.x', 'encoder_q_bone.x.y', 'A'],
)
def test_tensor_that_is_none_of_theirs_is_named(method, name):
    with pytest.raises(InputError, match=f"'{name}' in the checkpoint is not a tensor .*{method}"):
        rename_authors_state(method, {name: torch.zeros(1)})


@pytest.mark.parametrize('name', ['queue_motion', 'encoder_q_motion.data_bn.bias'])
@pytest.mark.parametrize('method', ['skeletonclr', 'aimclr'])
def test_method_of_one_stream_has_no_tensors_of_another(method, name):
    with pytest.raises(InputError, match=f"'{name}'"):
        rename_authors_state(method, {name: torch.zeros(1)})


def test_unknown_method_is_told():
    with pytest.raises(InputError, match=r"'simclr'; give one of cmd, skeletonclr, .*, isc"):
        rename_authors_state('simclr', {})

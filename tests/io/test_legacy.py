"""Checkpoints with the old names of the encoders can still be used."""

import pytest
import torch

from mmcmd.apis import init_model, load_config
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_plain
from mmcmd.io.legacy import rename, upgrade
from mmcmd.io.publish import published

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
LINEAR_CONFIG = 'benchmarks/linear.py'


def old_name(name):
    """Name a tensor as version 0.1 did."""
    group, stream, *rest = name.split('.')
    rest = '.'.join(rest)
    return {
        'encoders': f'query_encoders.{stream}.{rest}',
        'necks': f'query_encoders.{stream}.neck.{rest}',
        'key_encoders': f'key_encoders.{stream}.{rest}',
        'key_necks': f'key_encoders.{stream}.neck.{rest}',
        'queues': f'heads.{stream}.{rest}',
    }[group]


def age(checkpoint, parameters):
    """Give a checkpoint the names and the order of version 0.1."""
    state = checkpoint['state_dict']
    groups = ['query_encoders', 'key_encoders', 'heads']
    streams = list(dict.fromkeys(name.split('.')[1] for name in state))

    def place(name):
        group, stream, part = old_name(name).split('.')[:3]
        return groups.index(group), streams.index(stream), part == 'neck'

    order = sorted(state, key=place)
    number = {name: index for index, name in enumerate(x for x in order if x in parameters)}
    optimizer = checkpoint['optimizer']
    moved = {number[parameters[index]]: x for index, x in optimizer['state'].items()}
    meta = {name: x for name, x in checkpoint['meta'].items() if name != 'encoder'}
    assert list(moved) != sorted(moved), 'the order of version 0.1 is another'
    return {
        **checkpoint,
        'meta': meta,
        'state_dict': {old_name(name): state[name] for name in order},
        'optimizer': {**optimizer, 'state': dict(sorted(moved.items()))},
    }


@pytest.fixture(scope='module')
def aged(pretrained, make_runner, tiny_options, tmp_path_factory):
    """Return the folder of a pre-training's two checkpoints, with the names of version 0.1."""
    folder = tmp_path_factory.mktemp('aged')
    model = make_runner(CMD_CONFIG, folder / 'unused', tiny_options).model
    parameters = [name for name, _ in model.named_parameters()]
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        checkpoint = torch.load(pretrained / name, weights_only=True)
        torch.save(age(checkpoint, parameters), folder / name)
    return folder


def test_names_are_mapped_back_and_present_ones_stay(pretrained, aged):
    present = torch.load(pretrained / 'epoch_2.pth', weights_only=True)
    old = torch.load(aged / 'epoch_2.pth', weights_only=True)
    assert set(old['state_dict']) & set(present['state_dict']) != set(present['state_dict'])
    assert any(name.startswith('query_encoders.joint.neck.') for name in old['state_dict'])
    found = load_plain(str(aged / 'epoch_2.pth'))['state_dict']
    assert set(found) == set(present['state_dict'])
    assert all(torch.equal(found[name], x) for name, x in present['state_dict'].items())
    assert upgrade(present) is present
    assert [rename(name) for name in present['state_dict']] == list(present['state_dict'])


def test_heads_of_a_classifier_are_no_queues():
    assert rename('heads.joint.fc.weight') == 'heads.joint.fc.weight'
    assert rename('heads.joint.queue_ptr') == 'queues.joint.queue_ptr'


def test_bare_state_is_mapped_too(aged, tmp_path):
    state = torch.load(aged / 'epoch_2.pth', weights_only=True)['state_dict']
    torch.save(state, tmp_path / 'bare.pth')
    found = load_plain(str(tmp_path / 'bare.pth'))
    assert set(found) == set(load_plain(str(aged / 'epoch_2.pth'))['state_dict'])


def test_run_goes_on_bit_by_bit_with_the_momentum_of_each_parameter(
    aged, pretrained, make_runner, tiny_options, tmp_path
):
    options = tiny_options | {'resume': True, 'load_from': str(aged / 'epoch_1.pth')}
    make_runner(CMD_CONFIG, tmp_path, options).train()
    whole = torch.load(pretrained / 'epoch_2.pth', weights_only=True)
    resumed = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)
    assert list(resumed['state_dict']) == list(whole['state_dict'])
    for name, value in whole['state_dict'].items():
        assert torch.equal(resumed['state_dict'][name], value), name
    momenta = (x['optimizer']['state'] for x in (whole, resumed))
    for expected, found in zip(*(dict(sorted(x.items())).items() for x in momenta), strict=True):
        assert expected[0] == found[0]
        assert torch.equal(expected[1]['momentum_buffer'], found[1]['momentum_buffer'])


def test_evaluation_needs_the_name_of_the_encoder(root, aged):
    for argument, config in (('pretrained', 'linear'), ('checkpoint', 'knn')):
        file, source = root / f'configs/benchmarks/{config}.py', {argument: aged / 'epoch_2.pth'}
        with pytest.raises(InputError, match=r'before version 0\.2 .* add --encoder') as error:
            load_config(file, **source)
        assert '\n' not in str(error.value)


def test_evaluation_with_the_encoder_uses_its_weights(
    root, aged, pretrained, run_tool, tiny_linear_options, tmp_path
):
    for source, name in ((aged, 'old'), (pretrained, 'new')):
        options = [f'{k}={x}' for k, x in tiny_linear_options.items() if 'vis_backends' not in k]
        encoder = ['--encoder', 'bigru'] if name == 'old' else []
        status, _, err = run_tool(
            *('train.py', root / 'configs' / LINEAR_CONFIG, *encoder),
            *('--pretrained', source / 'epoch_2.pth', '--work-dir', tmp_path / name),
            *('--cfg-options', *options, f'experiment_name={tmp_path.name}{name}'),
        )
        assert status == 0, err
    old, new = (
        torch.load(tmp_path / x / 'epoch_2.pth', weights_only=True)['state_dict']
        for x in ('old', 'new')
    )
    assert all(torch.equal(old[name], x) for name, x in new.items())


def test_published_encoders_are_those_of_a_present_checkpoint(aged, pretrained):
    old, new = (published(load_plain(str(x / 'epoch_2.pth')), 'x') for x in (aged, pretrained))
    assert 'encoder' not in old['meta']
    assert old['state_dict'].keys() == new['state_dict'].keys()
    assert all(torch.equal(old['state_dict'][name], x) for name, x in new['state_dict'].items())


def test_model_of_a_python_user_takes_it(root, aged, pretrained, tiny_options):
    config = load_config(root / 'configs' / CMD_CONFIG, options=tiny_options)
    old, new = (init_model(config, x / 'epoch_2.pth').state_dict() for x in (aged, pretrained))
    assert all(torch.equal(old[name], x) for name, x in new.items())

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.io.convert_checkpoint import rename_authors_state


def authors_state(model):
    """Name a model's tensors as the authors' released code does."""
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
    renamed = rename_authors_state(state)
    expected = model.state_dict()
    assert set(renamed) == set(expected)
    assert all(torch.equal(renamed[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    'name', ['conv1.weight', 'encoder_q.fc.weight', 'encoder_q.', 'queue.x', 'encoder_q_bone.x.y']
)
def test_tensor_that_is_none_of_theirs_is_named(name):
    with pytest.raises(InputError, match=name):
        rename_authors_state({name: torch.zeros(1)})


@pytest.mark.parametrize('file', ['official_init.pth.tar', 'official_final.pth.tar'])
def test_tool_converts_the_authors_file(shared, run_tool, tiny_cmd, tmp_path, file):
    out = tmp_path / 'new' / 'out.pth'
    source = shared / 'golden' / file
    status, stdout, stderr = run_tool('model_converters/cmd_to_mmcmd.py', source, out)
    assert (status, stderr) == (0, '')
    assert stdout.startswith(f'{out}: ')
    model = tiny_cmd(
        backbone={'type': 'BiGRU', 'hidden_size': 32},
        neck={'type': 'ProjectionNeck', 'in_channels': 64, 'out_channels': 16},
        queue={'type': 'KeyQueue', 'size': 128},
    )
    checkpoint = torch.load(out, weights_only=True)
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    assert list(out.parent.iterdir()) == [out]


def test_tool_tells_a_file_of_another_kind(run_tool, tmp_path):
    torch.save({'weights': torch.zeros(1)}, tmp_path / 'other.pth')
    status, stdout, stderr = run_tool(
        'model_converters/cmd_to_mmcmd.py', tmp_path / 'other.pth', tmp_path / 'out.pth'
    )
    assert (status, stdout) == (2, '')
    assert stderr.count('\n') == 1
    assert 'other.pth has no state_dict' in stderr
    assert not (tmp_path / 'out.pth').exists()

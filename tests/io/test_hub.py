"""A published folder can be read like a checkpoint, from this machine and from a hub."""

import json
import sys
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_plain
from mmcmd.io.hub import is_hub_id, save_folder, upload
from mmcmd.io.publish import published
from mmcmd.skeletons import get_layout


@pytest.fixture
def checkpoint(pretrained):
    return published(load_plain(str(pretrained / 'epoch_2.pth'), 'cpu'), 'x')


@pytest.fixture
def folder(checkpoint, tmp_path):
    save_folder(checkpoint, tmp_path / 'cmd', 'a card')
    return tmp_path / 'cmd'


def test_folder_holds_the_same_as_the_checkpoint(folder, checkpoint):
    loaded = CheckpointLoader.load_checkpoint(str(folder), 'cpu')
    assert loaded['state_dict'].keys() == checkpoint['state_dict'].keys()
    for name, tensor in checkpoint['state_dict'].items():
        assert torch.equal(loaded['state_dict'][name], tensor)
    assert loaded['meta'] == json.loads(json.dumps(checkpoint['meta']))
    assert get_layout(loaded['meta']['encoder']['layout']) == get_layout('ntu')
    assert sorted(x.name for x in folder.iterdir()) == [
        *('README.md', 'config.json', 'model.safetensors')
    ]


def test_same_weights_are_the_same_bytes(folder, checkpoint, tmp_path):
    save_folder(checkpoint, tmp_path / 'again', 'a card')
    for file in folder.iterdir():
        assert (tmp_path / 'again' / file.name).read_bytes() == file.read_bytes()


def test_what_was_written_may_be_replaced_but_nothing_else(folder, checkpoint, tmp_path):
    save_folder(checkpoint, folder, 'another card')
    assert (folder / 'README.md').read_text() == 'another card'
    for name in ('README.md', 'notes.txt'):
        (tmp_path / name[0]).mkdir()
        (tmp_path / name[0] / name).write_text('mine')
        with pytest.raises(InputError, match=f'holds {name}, which this tool did not write'):
            save_folder(checkpoint, tmp_path / name[0], 'a card')
        assert [x.read_text() for x in (tmp_path / name[0]).iterdir()] == ['mine']
    with pytest.raises(InputError, match=r'README\.md is a file, expected a folder'):
        save_folder(checkpoint, folder / 'README.md', 'a card')


def spoil(name, change):
    def apply(folder):
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return apply


def encoder(change):
    return spoil('config.json', lambda config: change(config['encoder']))


def nested(depth):
    return {'x': nested(depth - 1)} if depth else {}


def cut(folder):
    content = (folder / 'model.safetensors').read_bytes()
    (folder / 'model.safetensors').write_bytes(content[:-10])


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (lambda x: (x / 'config.json').unlink(), r'without config\.json'),
        (lambda x: (x / 'model.safetensors').unlink(), r'without model\.safetensors'),
        (cut, r'model\.safetensors is damaged'),
        (lambda x: (x / 'config.json').write_text('{'), r'config\.json is not JSON'),
        (lambda x: (x / 'config.json').write_text('[' * 100_000), r'config\.json is not JSON'),
        (lambda x: (x / 'config.json').write_text(' ' * 10_000_001), 'larger than 10,000,000'),
        (lambda x: (x / 'config.json').write_text('{"a": 1}'), 'another program wrote it'),
        (spoil('config.json', lambda x: x.pop('encoder')), 'lacks the object `encoder`'),
        (encoder(lambda x: x.pop('streams')), '`streams` is missing'),
        (encoder(lambda x: x.update(streams=[])), '`streams` is not an object'),
        (encoder(lambda x: x['streams'].update(bone={})), "stream 'bone' has no backbone"),
        (encoder(lambda x: x.update(evaluated=['smell'])), '`evaluated` names a stream'),
        (encoder(lambda x: x.update(test_pipeline={})), '`test_pipeline` is not a list'),
        (encoder(lambda x: x.update(clip_len=10**9)), '`clip_len` is not a whole number from 1 to'),
        (encoder(lambda x: x.update(layout=3)), '`layout` is neither a name nor an object'),
        (encoder(lambda x: x.update(data=nested(70))), 'is nested too deep'),
    ],
)
def test_damaged_folder_is_told(folder, change, reason):
    change(folder)
    with pytest.raises(InputError, match=reason):
        load_plain(str(folder))


def test_names_of_the_hub_are_told_from_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'work_dirs').mkdir()
    assert is_hub_id('user/cmd-ntu60')
    assert is_hub_id('user/cmd-ntu60@v1.0')
    assert is_hub_id('hf://work_dirs/cmd')
    for path in (
        'work_dirs/cmd',
        'user/cmd.pth',
        'cmd',
        '/user/cmd',
        'user/cmd/x',
        '../cmd',
        'a//b',
    ):
        assert not is_hub_id(path)


def test_hub_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(InputError, match=r"nobody/here is not a file or folder here.*'\.\[hub\]'"):
        load_plain('nobody/here')
    with pytest.raises(InputError, match=r"cmd is written; to upload.*'\.\[hub\]'"):
        upload(Path('cmd'), 'me/cmd')


REFUSED = (
    r'asks for (the type .(os\.system|antigravity)|another `_scope_`)|names a further checkpoint'
)


@pytest.mark.parametrize('place', ['test_pipeline', 'backbone', 'scope', 'module', 'init_cfg'])
def test_type_that_would_run_code_is_refused(checkpoint, tmp_path, place):
    target = tmp_path / 'ran'
    evil = {'type': 'os.system', 'command': f'touch {target}'}
    encoder = checkpoint['meta']['encoder']
    if place == 'test_pipeline':
        encoder['test_pipeline'] = [evil]
    elif place == 'backbone':
        encoder['streams']['joint']['backbone'] = evil
    elif place == 'module':  # mmengine imports a module of the name of an unknown class
        encoder['streams']['joint']['backbone']['type'] = 'antigravity'
    elif place == 'init_cfg':
        init = {'type': 'Pretrained', 'checkpoint': 'http://127.0.0.1:9/x.pth'}
        encoder['streams']['joint']['backbone']['init_cfg'] = init
    else:
        encoder['streams']['joint']['backbone']['_scope_'] = 'os'
    save_folder(checkpoint, tmp_path / 'x', 'a card')
    torch.save(checkpoint, tmp_path / 'x.pth')
    for name in ('x', 'x.pth'):
        with pytest.raises(InputError, match=REFUSED):
            load_plain(str(tmp_path / name))
    assert not target.exists()
    assert 'antigravity' not in sys.modules


def test_name_with_the_scope_of_mmaction_is_taken(checkpoint, tmp_path):
    checkpoint['meta']['encoder']['test_pipeline'][-1]['type'] = 'mmaction.PackActionInputs'
    save_folder(checkpoint, tmp_path / 'x', 'a card')
    assert load_plain(str(tmp_path / 'x'))

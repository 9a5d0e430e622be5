"""Checkpoints hold only data: code is refused, and tensors that do not fit are reported."""

import argparse
import contextlib
import functools
import http.server
import io
import os
import pickle
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import check_architecture, load_plain


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, function, path):
        self.function, self.path = function, path

    def __reduce__(self):
        return self.function, (self.path,)


@pytest.fixture(params=[os.mkdir, Path.mkdir], ids=['blocked by torch', 'unknown to torch'])
def canary(request, tmp_path):
    """Return a checkpoint that makes a folder if plain pickle loads it, and this folder."""
    path = tmp_path / 'evil.pth'
    torch.save({'state_dict': {}, 'extra': Canary(request.param, tmp_path / 'sung')}, path)
    return path, tmp_path / 'sung'


def test_checkpoint_that_would_run_code_is_refused_before_it_does(
    canary, run_tool, run_test, tmp_path
):
    file, sung = canary
    for status, _, stderr in (
        run_tool('model_converters/cmd_to_mmcmd.py', file, tmp_path / 'out.pth'),
        run_test(file),
    ):
        assert status == 2
        assert 'evil.pth' in stderr
        assert '--trust-checkpoint' in stderr
        assert not sung.exists()


def archive_with(pickled, extra=()):
    """Return a complete checkpoint with another pickle in it, and more members."""
    file, whole = io.BytesIO(), io.BytesIO()
    torch.save({'state_dict': {'a': torch.ones(2)}}, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(file, 'w') as out:
        for name in source.namelist():
            is_pickle = name.endswith('data.pkl') and pickled is not None
            out.writestr(name, pickled if is_pickle else source.read(name))
        for name, content in dict(extra).items():
            out.writestr(name, content)
    return file.getvalue()


def tar_of(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w') as out:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return file.getvalue()


def hostile_files(command):
    system = f'cos\nsystem\n(X{chr(len(command))}\0\0\0{command}tR.'.encode()
    evil = b'\x80\x02' + system
    getattr_chain = (
        b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR"
        + f'(S{command!r}\ntR.'.encode()
    )
    yield 'global', archive_with(evil), True
    yield 'builtins.getattr', archive_with(b'\x80\x02' + getattr_chain), True
    yield 'copyreg', archive_with(b'\x80\x02ccopyreg\n_reconstructor\n(cos\nsystem\n)tR.'), True
    yield 'tensor class', archive_with(b'\x80\x02ctorch\nTensor\nK\x07\x85R.'), True
    wrapped = b'ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n(K\x01t}tR.'
    yield 'rebuild function', archive_with(b'\x80\x02' + wrapped), True
    yield 'torch.hub', archive_with(b'\x80\x02ctorch.hub\nload\n)R.'), True
    methods = b'ccollections\nOrderedDict\n)R}X\x05\0\0\0itemsK\x01sb.'
    yield 'method of a dict', archive_with(b'\x80\x02' + methods), True
    yield 'second pickle', archive_with(None, {'evil/data.pkl': evil}), False
    yield 'same name twice', archive_with(None, {'archive/data.pkl': evil}), False
    yield 'torchscript', archive_with(None, {'archive/constants.pkl': evil}), True
    yield 'archive in an archive', archive_with(archive_with(evil)), True
    yield 'old pickle', evil, True
    magic = torch.serialization.MAGIC_NUMBER
    head = [pickle.dumps(x, 2) for x in (magic, 1001, {'little_endian': True}, {'a': 1})]
    yield 'old pickle, last part', b''.join([*head, evil]), True
    tar = {'storages': evil, 'tensors': evil, 'pickle': evil}
    yield 'tar', tar_of(tar), False
    yield 'bare text pickle', system, False


HOSTILE = [name for name, *_ in hostile_files('')]


@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_file_is_refused_before_anything_runs(name, tmp_path):
    mark = tmp_path / 'ran'
    found = {key: rest for key, *rest in hostile_files(f'touch {mark}')}
    content, asks_for_trust = found[name]
    (tmp_path / 'evil.pth').write_bytes(content)
    before = set(tmp_path.rglob('*'))
    with pytest.raises(InputError, match=r'evil\.pth') as caught:
        load_plain(str(tmp_path / 'evil.pth'))
    assert ('--trust-checkpoint' in str(caught.value)) == asks_for_trust
    assert set(tmp_path.rglob('*')) == before


def test_hostile_pickle_would_run_under_plain_pickle(tmp_path):
    content = next(x for key, x, _ in hostile_files(f'touch {tmp_path}/ran') if key == 'old pickle')
    pickle.loads(content)
    assert (tmp_path / 'ran').exists()


@pytest.mark.parametrize('name', ['../evil', '/tmp/evil-member', 'archive/data/../../evil'])
def test_names_in_an_archive_write_nothing(name, tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a/c.pth').write_bytes(archive_with(None, {name: b'x'}))
    before = set(tmp_path.rglob('*'))
    with contextlib.suppress(InputError):  # torch requires one common folder
        load_plain(str(tmp_path / 'a/c.pth'))
    assert set(tmp_path.rglob('*')) == before
    assert not Path('/tmp/evil-member').exists()


def test_an_inert_pickle_in_bytes_stays_bytes(tmp_path):
    evil = pickle.dumps(Canary(os.mkdir, tmp_path / 'sung'))
    torch.save({'state_dict': {}, 'raw': evil}, tmp_path / 'c.pth')
    assert load_plain(str(tmp_path / 'c.pth'))['raw'] == evil
    assert not (tmp_path / 'sung').exists()


def test_what_training_saves_passes(tmp_path):
    """All contents of a plain checkpoint pass, in today's format and in that before torch 1.6."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(torch.ones(2, 2)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3])
    whole = dict(
        state_dict=model.state_dict(),
        optimizer=optimizer.state_dict(),
        schedule=schedule.state_dict(),
        meta=dict(epoch=1, big=2**70, tags={'a'}, nothing=None, shape=torch.Size([1, 2])),
        parameter=model[0].weight,
        kinds=[torch.float16, torch.device('cpu'), torch.zeros(3, dtype=torch.bfloat16), 1j],
        part=torch.arange(10)[2:8:2],
        raw=b'\xff',
    )
    for number, is_zip in enumerate((True, False)):
        path = tmp_path / f'{number}.pth'
        torch.save(whole, path, _use_new_zipfile_serialization=is_zip)
        loaded = load_plain(str(path))
        assert loaded['meta'] == whole['meta']
        assert loaded['kinds'][0] is torch.float16
        assert loaded['part'].tolist() == [2, 4, 6]
        assert loaded['state_dict']._metadata == whole['state_dict']._metadata


def test_trusted_checkpoint_is_loaded_whole(canary, run_tool, tmp_path):
    file, sung = canary
    _, _, stderr = run_tool(
        'model_converters/cmd_to_mmcmd.py', file, tmp_path / 'out.pth', '--trust-checkpoint'
    )
    assert 'lacks a tensor' in stderr  # it was loaded, and it is empty
    assert sung.is_dir()


def test_the_canary_would_sing_under_plain_pickle(canary):
    torch.load(canary[0], weights_only=False)
    assert canary[1].is_dir()


@pytest.fixture
def run_test(run_tool, root, tiny_options, tmp_path):
    """Return a function: checkpoint, options -> outcome of `tools/test.py` on the tiny config."""

    def run(checkpoint, changes=()):
        options = {k: v for k, v in tiny_options.items() if 'vis_backends' not in k}
        return run_tool(
            'test.py',
            root / 'configs' / 'cmd' / 'cmd_bigru_ntu60_xsub.py',
            checkpoint,
            *('--work-dir', tmp_path / 'run', '--cfg-options'),
            *(f'{name}={value}' for name, value in (options | dict(changes)).items()),
        )

    return run


@pytest.mark.parametrize(
    'content',
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-10],
        lambda whole: whole[:3],
        lambda whole: b'',
        lambda whole: b'<html>404: not found</html>\n',
        lambda whole: b'epoch 1\n',
        lambda whole: bytes(500),
    ],
    ids=['half', 'torn', 'start', 'empty', 'html', 'text', 'zeros'],
)
def test_damaged_file_ends_in_one_sentence(tmp_path, content):
    path = tmp_path / 'torn.pth'
    torch.save({'state_dict': {'weight': torch.randn(100)}}, path)
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(InputError, match=r'torn\.pth') as caught:
        load_plain(str(path))
    assert '\n' not in str(caught.value)
    assert 'could run code' not in str(caught.value)


def test_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r'nothing\.pth does not exist'):
        load_plain(str(tmp_path / 'nothing.pth'))
    with pytest.raises(InputError, match=r'is a folder without config\.json'):
        load_plain(str(tmp_path))


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        ({'a': torch.zeros(2)}, r'1 of 2 .*b is not there in the file and \(3,\) in the model'),
        ({'a': torch.zeros(2), 'c': torch.zeros(1), 'd': torch.zeros(1)}, '3 of 4 tensors differ'),
        ({'a': torch.zeros(9), 'b': torch.zeros(3)}, r'a is \(9,\) in the file and \(2,\)'),
        (
            {'a': torch.zeros(2), 'b': torch.zeros(3), 'c': torch.zeros(1)},
            r'c is \(1,\) in the file and not there',
        ),
        (dict.fromkeys('cdefg', torch.zeros(1)), '7 of 7 tensors differ'),
        ({'encoders.x': torch.zeros(2)}, 'another architecture'),
    ],
)
def test_architecture_that_differs_names_a_tensor(found, message):
    expected = {'a': torch.zeros(2), 'b': torch.zeros(3)}
    check_architecture(expected, dict(expected), 'x.pth')
    with pytest.raises(InputError, match=f'x.pth .*{message}'):
        check_architecture(expected, found, 'x.pth')


def test_encoders_that_are_alone_are_told_from_another_architecture():
    found = {'encoders.joint.x': torch.zeros(2)}
    expected = found | {'heads.joint.fc.weight': torch.zeros(3)}
    message = 'x.pth holds encoders only, and this model also needs heads.joint.fc.weight; evaluate'
    with pytest.raises(InputError, match=message):
        check_architecture(expected, found, 'x.pth')


def test_tool_tells_a_checkpoint_of_another_architecture(run_test, pretrained):
    changes = {'model.backbone.hidden_size': 3, 'model.neck.in_channels': 6}
    status, _, stderr = run_test(pretrained / 'epoch_2.pth', changes)
    assert status == 2
    assert stderr.splitlines()[-1].startswith('test.py: error: ')
    assert 'epoch_2.pth has another architecture' in stderr


def test_tool_tells_a_torn_checkpoint(run_test, pretrained, tmp_path):
    torn = tmp_path / 'torn.pth'
    torn.write_bytes((pretrained / 'epoch_2.pth').read_bytes()[:-1000])
    status, _, stderr = run_test(torn)
    assert status == 2
    assert 'torn.pth is not a readable checkpoint' in stderr
    assert stderr.splitlines()[-1].startswith('test.py: error: ')


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


def test_downloaded_checkpoint_runs_nothing(canary, tmp_path, monkeypatch):
    file, sung = canary
    torch.save({'state_dict': {}}, tmp_path / 'good.pth')
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}'
        with pytest.raises(InputError, match='--trust-checkpoint'):
            CheckpointLoader.load_checkpoint(f'{url}/{file.name}')
        assert CheckpointLoader.load_checkpoint(f'{url}/good.pth') == {'state_dict': {}}
        server.shutdown()
    assert not sung.exists()


@pytest.mark.parametrize('source', ['torchvision://resnet50', 'modelzoo://x', 'open-mmlab://x'])
def test_sources_whose_loaders_run_code_are_refused(source):
    with pytest.raises(InputError, match='download it'):
        CheckpointLoader.load_checkpoint(source)


def test_file_without_a_dict_is_no_checkpoint(tmp_path):
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(InputError, match=r'list\.pth holds a list'):
        load_plain(str(tmp_path / 'list.pth'))


def test_options_of_a_program_are_data_but_what_they_hold_is_checked(tmp_path):
    path = tmp_path / 'options.pth'
    torch.save({'state_dict': {}, 'args': argparse.Namespace(lr=0.1, names=['a'])}, path)
    assert load_plain(path)['args'].lr == 0.1
    evil = argparse.Namespace(call=Canary(os.mkdir, tmp_path / 'sung'))
    torch.save({'state_dict': {}, 'args': evil}, path)
    with pytest.raises(InputError, match='could run code'):
        load_plain(path)
    assert not (tmp_path / 'sung').exists()


def test_objects_of_other_classes_are_refused(tmp_path):
    path = tmp_path / 'object.pth'
    torch.save({'state_dict': {}, 'args': argparse.ArgumentParser}, path)
    with pytest.raises(InputError, match='could run code'):
        load_plain(path)
    # NEWOBJ of a class in the table, with a state. No object is made.
    for made in (b'ctorch\nSize\n)\x81}b.', b'cargparse\nNamespace\nK\x01\x85\x81}b.'):
        path.write_bytes(archive_with(b'\x80\x02' + made))
        with pytest.raises(InputError):
            load_plain(path)


def test_files_of_one_name_from_two_addresses_are_kept_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    for folder in 'ab':
        (tmp_path / folder).mkdir()
        torch.save({'state_dict': {}, 'from': folder}, tmp_path / folder / 'epoch_450.pth')
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}'
        found = [CheckpointLoader.load_checkpoint(f'{url}/{x}/epoch_450.pth') for x in 'ab']
        server.shutdown()
    assert [x['from'] for x in found] == ['a', 'b']

"""Checkpoints are data: what is more is refused, and what does not fit is told."""

import functools
import http.server
import os
import threading
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from mmcmd.engine.checkpoint import check_architecture, load_plain
from mmcmd.errors import InputError


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, function, path):
        self.function, self.path = function, path

    def __reduce__(self):
        return self.function, (self.path,)


@pytest.fixture(params=[os.mkdir, Path.mkdir], ids=['blocked by torch', 'unknown to torch'])
def canary(request, tmp_path):
    """Return a checkpoint that makes a folder when loaded by plain pickle, and the folder."""
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


def test_trusted_checkpoint_is_loaded_whole(canary, run_tool, tmp_path):
    file, sung = canary
    status, *_ = run_tool(
        'model_converters/cmd_to_mmcmd.py', file, tmp_path / 'out.pth', '--trust-checkpoint'
    )
    assert status == 0
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


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        ({'a': torch.zeros(2)}, r'1 of 2 .*b is not there in the file and \(3,\) in the model'),
        ({'a': torch.zeros(9), 'b': torch.zeros(3)}, r'a is \(9,\) in the file and \(2,\)'),
        (
            {'a': torch.zeros(2), 'b': torch.zeros(3), 'c': torch.zeros(1)},
            r'c is \(1,\) in the file and not there',
        ),
    ],
)
def test_architecture_that_differs_names_a_tensor(found, message):
    expected = {'a': torch.zeros(2), 'b': torch.zeros(3)}
    check_architecture(expected, dict(expected), 'x.pth')
    with pytest.raises(InputError, match=f'x.pth .*{message}'):
        check_architecture(expected, found, 'x.pth')


def test_tool_tells_a_checkpoint_of_another_architecture(run_test, pretrained):
    changes = {'model.backbone.hidden_size': 3, 'model.neck.in_channels': 6}
    status, _, stderr = run_test(pretrained / 'epoch_2.pth', changes)
    assert status == 2
    assert stderr.splitlines()[-1].startswith('test.py: error: ')
    assert 'epoch_2.pth is of another architecture' in stderr


def test_tool_tells_a_torn_checkpoint(run_test, pretrained, tmp_path):
    torn = tmp_path / 'torn.pth'
    torn.write_bytes((pretrained / 'epoch_2.pth').read_bytes()[:-1000])
    status, _, stderr = run_test(torn)
    assert status == 2
    assert 'torn.pth is no readable checkpoint' in stderr
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

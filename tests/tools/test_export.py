"""`tools/deployment/export.py` as a user types it."""

import sys

import pytest
import torch

from mmcmd.io.publish import published

TOOL = 'deployment/export.py'


def test_a_checkpoint_of_a_training(run_tool, pretrained, tmp_path):
    pytest.importorskip('onnxruntime')
    out = tmp_path / 'out' / 'cmd-1.onnx'
    status, stdout, stderr = run_tool(TOOL, pretrained / 'epoch_2.pth', '--out', out)
    assert (status, stderr) == (0, '')
    assert sorted(x.name for x in out.parent.iterdir()) == ['cmd-1.onnx', 'cmd_1_prepare.py']
    for part in (str(out), 'keypoint (N, 2, T, 25, 3)', 'joint, motion, bone', 'ms (torch:'):
        assert part in stdout


def test_projection_of_some_streams_without_preprocessing(run_tool, pretrained, tmp_path):
    out = tmp_path / 'cmd.pt2'
    options = '--output', 'projection', '--streams', 'bone', '--no-preprocessing'
    arguments = pretrained / 'epoch_2.pth', '--format', 'torch_export', '--out', out, *options
    status, _, stderr = run_tool(TOOL, *arguments)
    assert (status, stderr) == (0, '')
    assert [x.name for x in tmp_path.iterdir()] == ['cmd.pt2']
    program = torch.export.load(out).module()
    assert program(keypoint=torch.randn(3, 2, 20, 25, 3))['bone'].shape == (3, 6)


@pytest.fixture
def published_file(pretrained, tmp_path):
    checkpoint = torch.load(pretrained / 'epoch_2.pth', weights_only=True)
    torch.save(published(checkpoint, 'x'), tmp_path / 'published.pth')
    return tmp_path / 'published.pth'


@pytest.mark.parametrize(
    ('options', 'parts'),
    [
        (['--output', 'scores'], ['no classifier', 'mmcmd train']),
        (['--output', 'projection'], ["no projection of the stream 'joint'", '--keep-all']),
        (['--streams', 'depth'], ['depth', 'joint']),
        (['--out', 'x.pt2'], ['must end in .onnx']),
    ],
)
def test_mistakes(run_tool, published_file, check_mistake, options, parts):
    pytest.importorskip('onnxruntime')
    check_mistake(run_tool(TOOL, published_file, *options), 'export.py', *parts)
    assert [x.name for x in published_file.parent.iterdir()] == ['published.pth']


def test_a_missing_package_is_named_with_its_extra(
    run_tool, published_file, check_mistake, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    outcome = run_tool(TOOL, published_file)
    check_mistake(outcome, 'export.py', 'package onnx', 'pip install "mmcmd[export]"')


def test_a_missing_checkpoint(run_tool, tmp_path, check_mistake):
    pytest.importorskip('onnxruntime')
    check_mistake(run_tool(TOOL, tmp_path / 'no.pth'), 'export.py', 'no.pth', 'does not exist')

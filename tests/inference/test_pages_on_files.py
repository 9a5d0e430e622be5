"""The examples on the pages on export and on sharing run as they are written."""

import re
import sys

import numpy as np
import pytest

from mmcmd.deployment import export_checkpoint


@pytest.fixture
def blocks(root):
    """Return a function: page, heading -> the Python blocks below this heading."""

    def blocks(page, heading):
        text = (root / f'docs/{page}.md').read_text().split(f'\n## {heading}\n')[1]
        return re.findall(r'```python\n(.*?)```', text.split('\n## ')[0], re.DOTALL)

    return blocks


@pytest.fixture
def exported(tmp_path, monkeypatch, encoder_file):
    """Return the working directory with both kinds of an exported encoder of joints."""
    pytest.importorskip('onnxruntime')
    for suffix, fmt in (('onnx', 'onnx'), ('pt2', 'torch_export')):
        out = tmp_path / f'epoch_450.{suffix}'
        export_checkpoint(str(encoder_file), out, fmt=fmt, streams=['joint'], timing=0.01)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop('epoch_450_prepare', None)


def test_page_on_export_runs(blocks, exported, joints):
    np.save('wave.npy', joints)
    first, second = blocks('export', 'Use the file')
    names = {'recordings': [joints, joints]}
    exec(first, names)
    feature = names['feature']
    assert feature.shape == (1, 8)
    np.testing.assert_allclose(names['features'], np.repeat(feature, 2, axis=0), atol=1e-5)
    names = {'joints': joints}
    exec(second, names)
    np.testing.assert_allclose(names['feature'].detach().numpy(), feature, atol=1e-5)


def test_page_on_sharing_runs(blocks, tmp_path, monkeypatch, encoder_file, run_tool, joints):
    monkeypatch.chdir(tmp_path)
    status, _, err = run_tool('model_converters/publish_model.py', encoder_file, 'cmd-ntu60')
    assert status == 0, err
    names = {}
    [block] = blocks('sharing', 'Use a published encoder')
    kept = [line for line in block.splitlines() if 'user/' not in line]  # the hub
    assert len(kept) == len(block.splitlines()) - 1
    exec('\n'.join(kept), names)
    assert names['encode'](joints)['joint'].shape == (1, 8)
    [block] = blocks('sharing', 'From another program')
    exec(block, names)
    assert names['encoder']['layout']['joints'] == list(names['encode'].recipe.layout.joints)
    assert all(name.startswith('encoders.') for name in names['weights'])

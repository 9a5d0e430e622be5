"""Encoders are uploaded to a hub and downloaded again with `huggingface_hub`."""

from pathlib import Path

TOOL = Path('tools/model_converters/publish_model.py')
DOWNLOAD = """
import sys
import torch
from mmcmd.apis import init_model
from mmcmd.errors import InputError

here, there, none = sys.argv[1:]
model, ours = init_model(there).state_dict(), init_model(here).state_dict()
assert model.keys() == ours.keys()
assert all(torch.equal(model[name], x) for name, x in ours.items())
init_model(there)
try:
    init_model(none)
except InputError as error:
    print(error)
"""


def test_encoder_goes_to_the_hub_and_comes_back(hub, root, pretrained, tmp_path):
    folder = tmp_path / 'cmd'
    push = pretrained / 'epoch_2.pth', folder, '--push', 'me/encoder'
    done = hub.run(root / TOOL, *push)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f'{hub.address}/me/encoder'
    files = sorted((hub.root / 'me/encoder').iterdir())
    assert [x.name for x in files] == ['README.md', 'config.json', 'model.safetensors']
    for file in files:
        assert file.read_bytes() == (folder / file.name).read_bytes()
    assert "init_model('me/encoder')" in files[0].read_text()

    hub.requests.clear()
    done = hub.run('-c', DOWNLOAD, folder, 'me/encoder', 'me/nothing')
    assert done.returncode == 0, done.stderr
    assert 'me/nothing is not a file or folder here' in done.stdout
    assert 'cannot be downloaded from the hub: 404' in done.stdout
    weights = [x for x in hub.requests if x[0] == 'GET' and x[1].endswith('safetensors')]
    assert len(weights) == 1, 'a process downloads a file once'


def test_what_the_hub_refuses_is_told(hub, root, pretrained, tmp_path):
    push = pretrained / 'epoch_2.pth', tmp_path / 'cmd', '--push', 'me/encoder'
    done = hub.run(root / TOOL, *push, token='hf_another')
    assert done.returncode == 2
    assert 'cmd is written, but cannot be uploaded to me/encoder: ' in done.stderr
    assert not list(hub.root.iterdir())

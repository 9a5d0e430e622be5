"""`tools/model_converters/publish_model.py` as a user types it."""

import hashlib
import subprocess
import sys

import torch

TOOL = 'model_converters/publish_model.py'


def test_in_a_process_of_its_own(root, pretrained, tmp_path):
    command = [
        sys.executable,
        root / 'tools' / TOOL,
        pretrained / 'epoch_2.pth',
        tmp_path / 'x.pth',
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob('*')
    assert done.stdout.startswith(f'{file}: ')
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert file.name == f'x-{digest[:8]}.pth'
    assert set(torch.load(file, weights_only=True)) == {'meta', 'state_dict'}


def test_all_is_kept_on_demand(run_tool, pretrained, tmp_path):
    status, _, _ = run_tool(TOOL, pretrained / 'epoch_2.pth', tmp_path / 'x.pth', '--keep-all')
    assert status == 0
    (file,) = tmp_path.glob('*')
    state = torch.load(file, weights_only=True)['state_dict']
    saved = torch.load(pretrained / 'epoch_2.pth', weights_only=True)['state_dict']
    assert list(state) == list(saved)
    assert all(torch.equal(value, saved[name]) for name, value in state.items())


def test_mistakes(run_tool, tmp_path, check_mistake):
    torch.save({'epoch': 3}, tmp_path / 'empty.pth')
    (tmp_path / 'text.pth').write_text('no checkpoint')
    for name, part in (
        ('no.pth', 'does not exist'),
        ('empty.pth', 'no state_dict of tensors'),
        ('text.pth', 'is no readable checkpoint'),
    ):
        outcome = run_tool(TOOL, tmp_path / name, tmp_path / 'out' / 'x.pth')
        check_mistake(outcome, 'publish_model.py', name, part)
    assert not (tmp_path / 'out').exists()

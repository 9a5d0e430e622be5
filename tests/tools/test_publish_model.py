"""`tools/model_converters/publish_model.py` as a user types it."""

import hashlib
import json
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
        ('text.pth', 'is not a readable checkpoint'),
    ):
        outcome = run_tool(TOOL, tmp_path / name, tmp_path / 'out' / 'x.pth')
        check_mistake(outcome, 'publish_model.py', name, part)
    assert not (tmp_path / 'out').exists()


def test_folder_is_written_without_pth_and_keeps_what_is_known(run_tool, pretrained, tmp_path):
    options = '--licence', 'mit', '--data-licence', 'for tests'
    status, out, err = run_tool(TOOL, pretrained / 'epoch_2.pth', tmp_path / 'cmd', *options)
    assert status == 0, err
    assert out.startswith(f'{tmp_path / "cmd"}: ')
    config = json.loads((tmp_path / 'cmd' / 'config.json').read_text())
    assert config['licence'] == {'data': 'for tests', 'weights': 'mit'}
    assert config['results'] == {'training': json.loads((pretrained / 'results.json').read_text())}
    encoder = config['encoder']
    assert {'layout', 'config', 'clip_len', 'streams', 'data', 'test_pipeline'} <= encoder.keys()
    assert str(pretrained) not in json.dumps(config)


def test_licence_of_a_known_data_set_is_taken_from_its_config(run_tool, pretrained, tmp_path):
    assert run_tool(TOOL, pretrained / 'epoch_2.pth', tmp_path / 'cmd')[0] == 0
    config = json.loads((tmp_path / 'cmd' / 'config.json').read_text())
    assert 'academic research only' in config['licence']['data']


def test_file_is_not_pushed(run_tool, pretrained, tmp_path, check_mistake):
    arguments = pretrained / 'epoch_2.pth', tmp_path / 'x.pth', '--push', 'me/x'
    check_mistake(run_tool(TOOL, *arguments), 'publish_model.py', '--push uploads a folder')
    assert not list(tmp_path.iterdir())

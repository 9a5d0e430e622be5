"""Configs are found by path, or by name in the package."""

import re

import pytest

from mmcmd.config_files import config_names, find_config
from mmcmd.errors import InputError


@pytest.mark.parametrize(
    'name',
    [
        'configs/cmd/cmd_bigru_ntu60_xsub.py',
        'cmd/cmd_bigru_ntu60_xsub.py',
        'cmd/cmd_bigru_ntu60_xsub',
        'cmd_bigru_ntu60_xsub.py',
        'cmd_bigru_ntu60_xsub',
    ],
)
def test_config_is_found_from_an_empty_folder(name, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'


def test_own_file_comes_before_that_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / 'configs' / 'cmd' / 'cmd.py'
    own.parent.mkdir(parents=True)
    own.write_text('')
    assert find_config('configs/cmd/cmd.py').resolve() == own


def test_parts_of_configs_are_no_configs():
    assert not [name for name in config_names() if name.startswith('_base_')]
    with pytest.raises(InputError, match='does not exist'):
        find_config('_base_/data')


MISTAKES = {
    'cmd_bigru_ntu60_xsup': "did you mean 'cmd_bigru_ntu60_xsub'?",
    'cmd/cmd_bigru_ntu60_xsup': "did you mean 'cmd/cmd_bigru_ntu60_xsub'?",
    'supervised': 'give baselines/supervised or benchmarks/supervised',
    'cmd_stgcn_pkummd2_xsub': 'give cmd/cmd --encoder stgcn --data pkummd2_xsub',
    'something else': '`mmcmd configs` lists those of the package',
}


@pytest.mark.parametrize('name', MISTAKES)
def test_wrong_name_gives_the_remedy(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=re.escape(MISTAKES[name])):
        find_config(name)


def test_folder_is_no_config(tmp_path):
    with pytest.raises(InputError, match='is a folder, expected a file'):
        find_config(tmp_path)


def test_name_alone_means_the_config_beside_a_folder_of_this_name(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'moco').mkdir()
    assert find_config('moco') == root / 'configs/moco/moco.py'
    (tmp_path / 'mine').mkdir()
    with pytest.raises(InputError, match='mine is a folder, expected a file'):
        find_config('mine')

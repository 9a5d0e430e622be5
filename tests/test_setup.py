"""The content of a wheel and of a source archive, and the installed package in an empty folder."""

import email
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

REPOSITORY = 'https://forge.example/someone/mmcmd'


@pytest.fixture(scope='module')
def built(root, tmp_path_factory):
    """Return the folder of packages that a wheel holds."""
    folder = tmp_path_factory.mktemp('built')
    before = sorted(path.name for path in (root / 'mmcmd').iterdir())
    command = [sys.executable, 'setup.py', '-q', 'egg_info', '--egg-base', folder]
    command += ['build_py', '--build-lib', folder / 'lib']
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (root / 'mmcmd').iterdir()) == before
    return folder / 'lib'


@pytest.fixture(scope='module')
def archive(root, tmp_path_factory):
    """Return a function: environment variables -> the opened source archive."""
    source = tmp_path_factory.mktemp('source') / 'mmcmd'
    generated = {'data', 'work_dirs', 'quickstart', 'build', 'dist'}

    def left_out(folder, names):
        beside = generated if Path(folder) == root else set()
        hidden = {x for x in names if x.startswith('.') and x != '.pre-commit-config.yaml'}
        return (set(names) & beside) | hidden

    shutil.copytree(root, source, ignore=left_out)
    (source / 'mmcmd' / 'left_over.pkl').write_bytes(b'')

    def make(**variables):
        command = [sys.executable, 'setup.py', '-q', 'sdist', '--dist-dir', source / 'dist']
        environment = {**os.environ, **variables}
        done = subprocess.run(
            command, cwd=source, env=environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stderr
        (file,) = (source / 'dist').iterdir()
        return tarfile.open(file)

    return make


@pytest.fixture
def run_installed(built, tmp_path):
    """Return a function: run `mmcmd` with these arguments, in a folder without the source tree."""
    environment = {**os.environ, 'PYTHONPATH': str(built), 'COLUMNS': '80'}

    def run(*arguments, cwd=tmp_path, prefix=()):
        return subprocess.run(
            [*prefix, sys.executable, '-m', 'mmcmd', *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
        )

    return run


def test_configs_and_tools_are_built_into_the_package(root, built):
    mim = built / 'mmcmd' / '.mim'
    assert sorted(path.name for path in mim.iterdir()) == ['configs', 'model-index.yml', 'tools']
    for folder in ('configs', 'tools'):
        for kind in ('*.py', '*.yml', '*.sh'):
            expected = {path.relative_to(root) for path in (root / folder).rglob(kind)}
            assert {path.relative_to(mim) for path in (mim / folder).rglob(kind)} == expected
    assert not list(mim.rglob('__pycache__'))


def test_files_beside_the_code_are_built_into_the_package(root, built):
    folders = 'mmcmd/skeletons', 'mmcmd/serving/static', 'mmcmd/quickstart/encoder'
    files = [x for folder in folders for x in (root / folder).rglob('*') if x.is_file()]
    beside = {x.relative_to(root) for x in files if x.suffix not in ('.py', '.pyc')}
    page = Path('mmcmd/serving/static')
    assert {page / x for x in ('index.html', 'js/main.js', 'vendor/three.LICENSE')} <= beside
    assert {
        Path('mmcmd/skeletons/ntu.json'),
        Path('mmcmd/quickstart/encoder/config.json'),
    } <= beside
    package = (x.relative_to(built) for x in built.rglob('*') if '.mim' not in x.parts)
    there = {x for x in package if (built / x).is_file() and x.suffix != '.py'}
    assert there == beside | {Path('mmcmd/py.typed')}


def test_installed_package_finds_configs_by_name(run_installed):
    done = run_installed('config', 'cmd_bigru_ntu60_xsub')
    assert done.returncode == 0, done.stderr
    assert "ann_file='data/ntu60.pkl'" in done.stdout
    assert "type='CMD'" in done.stdout


def test_installed_package_finds_similar_motions_in_an_empty_folder(run_installed, tmp_path):
    done = run_installed('quickstart', '--no-picture')
    assert done.returncode == 0, done.stderr
    assert 'SYNTHETIC' in done.stdout
    out = tmp_path / 'quickstart'
    made = {path.name for path in out.iterdir()}
    assert {'encoder', 'motions.pkl', 'motions.report.txt'} <= made
    share = float(done.stdout.partition('same action for ')[2].split(' %')[0])
    assert share > 60  # 6 by chance
    text = done.stdout.splitlines()
    assert 'mmcmd serve quickstart/encoder --gallery quickstart/motions.pkl' in text[-1]
    assert max(map(len, text)) <= 80
    config = json.loads((out / 'encoder' / 'config.json').read_text())
    assert config['synthetic'] is True


def test_folder_without_write_permission_gives_one_sentence(run_installed, tmp_path):
    folder = tmp_path / 'closed'
    folder.mkdir(mode=0o555)
    prefix = ()
    if os.getuid() == 0:  # who may write anywhere
        if not shutil.which('setpriv'):
            pytest.skip('root needs setpriv to give up the right to write anywhere')
        prefix = 'setpriv', '--bounding-set=-dac_override'
    done = run_installed('quickstart', '--no-picture', cwd=folder, prefix=prefix)
    assert done.returncode == 2
    assert done.stderr.startswith('mmcmd quickstart: error: ')
    assert done.stderr.count('\n') == 1
    assert 'quickstart' in done.stderr


def test_source_archive_holds_tests_and_documentation(root, archive):
    with archive() as found:
        names = {Path(*Path(name).parts[1:]).as_posix() for name in found.getnames()}
    for folder in ('benchmarks', 'configs', 'docs', 'examples', 'mmcmd', 'tests', 'tools'):
        files = (x for x in (root / folder).rglob('*') if x.is_file() and '_build' not in x.parts)
        kept = {x for x in files if x.suffix not in ('.pyc', '.pkl', '.pth')}
        assert {x.relative_to(root).as_posix() for x in kept} <= names
    assert {'Makefile', 'CHANGELOG.md', 'CITATION.cff', 'docker/cpu.Dockerfile'} <= names
    assert not [name for name in names if name.endswith(('.pyc', '.pkl', '.pth'))]


def test_links_on_an_index_page_lead_somewhere(archive):
    texts = {}
    for repository in ('', REPOSITORY):
        with archive(MMCMD_REPOSITORY=repository) as found:
            member = next(x for x in found.getnames() if x.endswith('/PKG-INFO'))
            texts[repository] = found.extractfile(member).read().decode()
    assert '](docs/' not in texts['']
    assert f']({REPOSITORY}/blob/HEAD/docs/' in texts[REPOSITORY]
    for text in texts.values():
        targets = [part.split(')')[0] for part in text.split('](')[1:]]
        assert all(target.startswith(('https://', '#')) for target in targets)
    urls = email.message_from_string(texts[REPOSITORY]).get_all('Project-URL')
    assert f'Source, {REPOSITORY}' in urls


def test_citation_names_the_version(root):
    version = {}
    exec((root / 'mmcmd' / 'version.py').read_text(), version)
    cited = yaml.safe_load((root / 'CITATION.cff').read_text())
    assert cited['version'] == version['__version__']
    # What the format requires.
    assert {'cff-version', 'message', 'title', 'authors'} <= cited.keys()


@pytest.mark.parametrize('kind', ['cpu', 'cuda'])
def test_container_has_the_pinned_environment(kind, root):
    pins = (root / 'requirements.txt').read_text().split()
    text = (root / 'docker' / f'{kind}.Dockerfile').read_text()
    assert 'FROM python:3.11-' in text
    assert '-r requirements.txt' in text
    named = [word for word in text.split() if '==' in word]
    assert set(named) <= set(pins)
    ignored = (root / '.dockerignore').read_text().split()
    copied = [line.split()[1] for line in text.splitlines() if line.startswith('COPY')]
    assert copied == ['requirements.txt', '.']
    assert not {'requirements.txt', 'setup.py', 'mmcmd', 'configs', 'tools'} & set(ignored)


def test_another_python_is_refused_before_it_makes_an_environment(root, tmp_path):
    for name in ('Makefile', 'requirements.txt', 'setup.py'):
        shutil.copy(root / name, tmp_path)
    other = tmp_path / 'python'
    other.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 1\nmkdir .venv\n')
    other.chmod(0o755)
    command = ['make', 'install', f'PYTHON={other}']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert 'the pinned environment needs Python 3.11' in done.stdout
    assert not (tmp_path / '.venv').exists()

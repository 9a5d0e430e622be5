"""What a wheel contains beside the package, for `mim`."""

import subprocess
import sys
from pathlib import Path


def test_configs_and_tools_are_built_into_the_package(root, tmp_path):
    before = sorted(path.name for path in (root / 'mmcmd').iterdir())
    command = [sys.executable, 'setup.py', '-q', 'egg_info', '--egg-base', tmp_path]
    command += ['build_py', '--build-lib', tmp_path / 'lib']
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    mim = tmp_path / 'lib' / 'mmcmd' / '.mim'
    assert sorted(path.name for path in mim.iterdir()) == ['configs', 'model-index.yml', 'tools']
    for folder in ('configs', 'tools'):
        for kind in ('*.py', '*.yml', '*.sh'):
            expected = {path.relative_to(root) for path in (root / folder).rglob(kind)}
            assert {path.relative_to(mim) for path in (mim / folder).rglob(kind)} == expected
    assert not list(mim.rglob('__pycache__'))
    layouts = sorted(path.name for path in (root / 'mmcmd' / 'skeletons').glob('*.json'))
    assert layouts
    assert sorted(path.name for path in (tmp_path / 'lib').rglob('*.json')) == layouts
    assert (tmp_path / 'lib' / 'mmcmd' / '__init__.py').is_file()
    page = Path('mmcmd', 'serving', 'static')
    files = {path.relative_to(root) for path in (root / page).rglob('*') if path.is_file()}
    assert {page / x for x in ('index.html', 'js/main.js', 'vendor/three.LICENSE')} <= files
    built = tmp_path / 'lib'
    assert {x.relative_to(built) for x in (built / page).rglob('*') if x.is_file()} == files
    assert sorted(path.name for path in (root / 'mmcmd').iterdir()) == before

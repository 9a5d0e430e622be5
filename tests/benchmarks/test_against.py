import subprocess
import sys
from pathlib import Path

from benchmarks.against import ROUNDS

ROOT = Path(__file__).parents[2]


def test_two_checkouts_are_timed_in_turns(tmp_path):
    # Another checkout: the same files under another path.
    for name in ('mmcmd', 'configs', 'benchmarks'):
        (tmp_path / name).symlink_to(ROOT / name)
    works = [work for work in ROUNDS if work not in ('encoder', 'cmd_step', 'startup')]
    command = [sys.executable, '-m', 'benchmarks.against', str(tmp_path), *works]
    command += ['--rounds', '3', '--starts', '2']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line, work in zip(done.stdout.splitlines()[2:], works, strict=True):
        name, rounds, ratio, *_ = (cell.strip() for cell in line.strip('|').split('|'))
        assert (name, rounds) == (work, '2 x 3')
        assert 0.1 < float(ratio) < 10

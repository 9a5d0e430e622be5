"""Attempts as Slurm jobs. submitit is real; a few shell scripts replace Slurm's commands.

`make slurm` runs the same code on a real Slurm.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmcmd.errors import InputError
from mmcmd.reproduction.schedule import run_stages
from mmcmd.reproduction.stages import Stage

pytest.importorskip('submitit', reason='needs submitit: pip install "mmcmd[cluster]"')
slurm = pytest.importorskip('mmcmd.reproduction.slurm')

SBATCH = r"""
echo "$@" >> calls
if grep -q 'partition=nowhere' "$1"; then
    echo 'sbatch: error: invalid partition specified: nowhere' >&2
    exit 1
fi
cp "$1" script
SLURM_JOB_ID=$(ls jobs | wc -l)
export SLURM_JOB_ID
cp "$1" "script$SLURM_JOB_ID"  # Slurm keeps a copy too; submitit renames its file
setsid bash "script$SLURM_JOB_ID" > /dev/null 2>&1 &
echo $! > "jobs/$SLURM_JOB_ID"
echo "Submitted batch job $SLURM_JOB_ID"
"""
SRUN = r"""
while [[ "$1" == --* ]]; do
    [[ "$1" == --output || "$1" == --error ]] && shift
    shift
done
exec "$@"
"""
# For submitit, the state of a job that waits for its node to start looks like an end.
SQUEUE = r"""
for job in jobs/*; do
    kill -0 "$(cat "$job")" 2> /dev/null || continue
    [[ "$*" == *%T* ]] && echo "${job#jobs/} CONFIGURING" || echo "${job#jobs/}"
done
exit 0
"""
# The signal goes to all processes of a job. The job is killed if it does not end.
SCANCEL = r"""
pid=$(cat "jobs/$1") && kill -TERM -- "-$pid" 2> /dev/null
exit 0
"""
SCONTROL = r"""
[ "$1" = requeue ] && touch "requeued$2"
"""
COMMANDS = {
    'sbatch': SBATCH,
    'srun': SRUN,
    'squeue': SQUEUE,
    'scancel': SCANCEL,
    'scontrol': SCONTROL,
}
TOOL = """
import os, pathlib, signal, sys, time
out = pathlib.Path(sys.argv[1])

def save(*_):
    (out / 'checkpoint').write_text('saved')
    sys.exit(85)

signal.signal(signal.SIGTERM, save)
signal.signal(signal.SIGUSR1, save)
with open(out / 'starts', 'a') as file:
    file.write('x')
if not (out / 'checkpoint').exists():
    time.sleep(float(sys.argv[2]))
if sys.argv[3:] == ['fail']:
    sys.exit('no such file')
(out / 'product').touch()
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch, root):
    """Put the scripts first on the PATH. Jobs are numbered from 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(root), prepend=os.pathsep)
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'), prepend=os.pathsep)
    for name, text in COMMANDS.items():
        path = tmp_path / 'bin' / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/usr/bin/env bash\ncd {tmp_path}\n{text}')
        path.chmod(0o755)
    (tmp_path / 'jobs').mkdir()
    yield tmp_path
    for job in (tmp_path / 'jobs').iterdir():
        subprocess.run([tmp_path / 'bin' / 'scancel', job.name], check=True)


@pytest.fixture
def stage(cluster):
    def make(name='a', seconds=0, *options):
        (cluster / 'tool.py').write_text(TOOL)
        folder = cluster / 'out' / name
        command = [str(cluster / 'tool.py'), str(folder), str(seconds), *options]
        return Stage(name, command, folder, folder / 'product')

    return make


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'it took too long'
        time.sleep(0.1)


def starts(stage):
    path = stage.work_dir / 'starts'
    return len(path.read_text()) if path.exists() else 0


def test_a_job_gets_one_gpu_a_signal_and_the_users_options(stage, cluster):
    done = stage()
    launcher = slurm.SlurmLauncher({'partition': 'gpu', 'time': '2:00:00'}, jobs=1)
    assert not run_stages([done], launcher)
    assert done.finished
    lines = (cluster / 'script').read_text().splitlines()
    for line in (
        *('#SBATCH --gres=gpu:1', '#SBATCH --partition=gpu', '#SBATCH --time=2:00:00'),
        *('#SBATCH --signal=USR1@120', '#SBATCH --job-name=a', '#SBATCH --cpus-per-task=5'),
    ):
        assert lines.count(line) == 1, line
    assert any('srun' in line and '--cpus-per-task=5' in line for line in lines)


def test_partition_that_does_not_exist_ends_at_once_in_slurms_words(stage):
    launcher = slurm.SlurmLauncher({'partition': 'nowhere'}, jobs=2)
    with pytest.raises(InputError, match='invalid partition specified: nowhere'):
        run_stages([stage('a'), stage('b')], launcher, keep_going=True, attempts=3)


def test_job_of_a_driver_that_is_gone_is_found_again(stage, cluster):
    slow = stage('a', 4)
    slurm.SlurmLauncher({}, 1).start(slow)
    until(lambda: starts(slow))
    assert not run_stages([slow], slurm.SlurmLauncher({}, 1))
    assert slow.finished
    assert starts(slow) == len(list((cluster / 'jobs').iterdir())) == 1


def test_left_over_job_of_another_command_is_stopped(stage, cluster):
    old = stage('a', 60)
    slurm.SlurmLauncher({}, 1).start(old)
    until(lambda: starts(old))
    new = stage('a', 0)
    assert not run_stages([new], slurm.SlurmLauncher({}, 1))
    assert new.finished
    assert not (new.work_dir / 'checkpoint').exists(), 'it is of the old command'


def test_job_that_was_stopped_is_submitted_again_and_goes_on(stage, cluster):
    slow = stage('a', 60)
    launcher = slurm.SlurmLauncher({}, 1)
    job = launcher.start(slow)
    until(lambda: starts(slow))
    subprocess.run(['scancel', '0'], check=True)
    until(lambda: job.poll() is not None)
    assert job.poll() == 85
    assert not run_stages([slow], launcher)
    assert starts(slow) == 2


def test_signal_ahead_of_the_time_limit_saves_and_requeues(stage, cluster):
    slow = stage('a', 60)
    slurm.SlurmLauncher({}, 1).start(slow)
    until(lambda: starts(slow))
    pid = int((cluster / 'jobs' / '0').read_text())
    for process in descendants(pid):  # Slurm signals the step, not the batch script
        os.kill(process, signal.SIGUSR1)
    until(lambda: (cluster / 'requeued0').exists())
    assert (slow.work_dir / 'checkpoint').exists()
    assert not list((cluster / 'out' / 'slurm' / 'a').glob('*result.pkl')), 'it has not ended'


def descendants(pid):
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return [x for child in children for x in (int(child), *descendants(int(child)))]


def test_job_that_fails_is_told_and_the_others_go_on(stage):
    bad, good = stage('bad', 0, 'fail'), stage('good')
    (told,) = run_stages([bad, good], slurm.SlurmLauncher({}, 2), keep_going=True, attempts=2)
    assert 'bad ended with status 1: no such file' in told
    assert starts(bad) == 2
    assert good.finished


def test_job_that_was_killed_is_noticed(stage, cluster, monkeypatch):
    monkeypatch.setattr(slurm.SlurmJob, '_results_timeout_s', 1)  # it waits for a slow file system
    slow = stage('a', 60)
    launcher = slurm.SlurmLauncher({}, 1)
    job = launcher.start(slow)
    until(lambda: starts(slow))
    os.killpg(int((cluster / 'jobs' / '0').read_text()), signal.SIGKILL)
    until(lambda: job.poll() is not None)
    assert job.poll() == 1
    assert 'Slurm job 0' in slow.log.read_text()


def test_machine_without_slurm_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(InputError, match='there is no Slurm on this machine'):
        slurm.SlurmLauncher({}, 1)


def test_missing_engine_names_the_extra_to_install(root, tmp_path):
    (tmp_path / 'submitit.py').write_text('raise ImportError("no submitit")')
    done = subprocess.run(
        [sys.executable, 'tools/reproduce.py', 'table2', '--data', 'synthetic', '--slurm'],
        cwd=root,
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{root}'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "pip install 'mmcmd[cluster]'" in done.stderr
    assert done.stderr.count('\n') == 1

"""`tools/slurm_train.sh` with replaced commands of Slurm, which record their arguments.

``make slurm`` does the same with a real Slurm.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

SRUN = """#!/usr/bin/env bash
trap 'echo USR1 >> "$CALLS"; exit "${STOPPED:-85}"' USR1
trap 'echo TERM >> "$CALLS"; exit 143' TERM
echo "srun $*" >> "$CALLS"
[ -z "${HANG:-}" ] || { touch "$CALLS.ready"; while :; do sleep 0.05; done; }
exit "${STATUS:-0}"
"""
SCONTROL = """#!/usr/bin/env bash
echo "scontrol $*" >> "$CALLS"
exit "${SCONTROL_STATUS:-0}"
"""
SQUEUE = """#!/usr/bin/env bash
echo "${STATE:-RUNNING}"
"""


@pytest.fixture
def start(root, tmp_path):
    """Return a function: environment, arguments -> the started script."""
    for name, text in {'srun': SRUN, 'scontrol': SCONTROL, 'squeue': SQUEUE}.items():
        file = tmp_path / 'bin' / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    clean = {key: x for key, x in os.environ.items() if not key.startswith('SLURM_')}
    clean |= {
        'CALLS': str(tmp_path / 'calls'),
        'PATH': f'{tmp_path / "bin"}{os.pathsep}{clean["PATH"]}',
    }

    def start(environment, *args, script=root / 'tools' / 'slurm_train.sh'):
        return subprocess.Popen(
            [shutil.which('bash'), script, *(args or ('part', 'job', 'config.py'))],
            env=clean | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(start, tmp_path):
    """Return a function: environment, arguments -> exit status, calls, stderr."""

    def run(environment, *args, **kwargs):
        process = start(environment, *args, **kwargs)
        _, stderr = process.communicate(timeout=20)
        calls = (tmp_path / 'calls').read_text().splitlines()
        return process.returncode, calls, stderr

    return run


@pytest.mark.parametrize('job', [{}, {'SLURM_JOB_ID': '7'}])
def test_srun_is_called_once_and_its_status_is_the_script_s(run, root, job):
    environment = job | {'STATUS': '3', 'GPUS': '2', 'SRUN_ARGS': '--quiet --mem=1G'}
    status, calls, _ = run(environment, 'part', 'job', 'c.py', '--seed', '1')
    assert status == 3
    assert calls == [
        'srun -p part --job-name=job --gres=gpu:2 --ntasks=2 --ntasks-per-node=2 '
        '--cpus-per-task=5 --kill-on-bad-exit=1 --quiet --mem=1G '
        f'python -u {root}/tools/train.py c.py --launcher slurm --seed 1'
    ]


@pytest.mark.parametrize(
    ('environment', 'message'),
    [
        ({'GPUS': 'abc'}, "GPUS and GPUS_PER_NODE must be 1 or more, got 'abc'"),
        ({'GPUS_PER_NODE': '0'}, "GPUS and GPUS_PER_NODE must be 1 or more, got '0'"),
        ({'PATH': '/nothing'}, 'there is no srun here'),
    ],
)
def test_mistakes_are_one_sentence(start, environment, message):
    process = start(environment)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 2
    assert message in stderr
    assert stderr.count('\n') == 1


def test_preempted_job_requeues_itself(run):
    status, calls, stderr = run({'SLURM_JOB_ID': '7', 'STATUS': '85'})
    assert status == 85
    assert calls[1:] == ['scontrol requeue 7']
    assert 'state of job 7 is RUNNING' in stderr


def test_cancelled_job_stays_cancelled(run):
    status, calls, stderr = run({'SLURM_JOB_ID': '7', 'STATUS': '85', 'STATE': 'COMPLETING'})
    assert (status, len(calls)) == (85, 1)
    assert 'submit it again with --resume' in stderr


def test_job_that_cannot_be_requeued_says_so(run):
    status, _, stderr = run({'SLURM_JOB_ID': '7', 'STATUS': '85', 'SCONTROL_STATUS': '1'})
    assert status == 85
    assert 'submit it again with --resume' in stderr


def test_without_a_batch_job_nothing_is_requeued(run):
    status, calls, _ = run({'STATUS': '85'})
    assert (status, len(calls)) == (85, 1)


@pytest.mark.parametrize(('restarts', 'resumes'), [('0', False), ('2', True)])
def test_requeued_job_resumes(run, restarts, resumes):
    _, calls, _ = run({'SLURM_JOB_ID': '7', 'SLURM_RESTART_COUNT': restarts})
    assert calls[0].endswith(' --resume') == resumes


@pytest.mark.parametrize('number', [signal.SIGUSR1, signal.SIGTERM])
@pytest.mark.parametrize('stopped', ['85', '137'])
def test_job_whose_shell_got_a_signal_is_requeued(start, tmp_path, number, stopped):
    process = start({'SLURM_JOB_ID': '7', 'HANG': '1', 'STOPPED': stopped})
    until = time.monotonic() + 10
    while not (tmp_path / 'calls.ready').exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 85
    calls = (tmp_path / 'calls').read_text().splitlines()
    assert calls[1:] == ['USR1', 'scontrol requeue 7']


def test_sbatch_s_copy_of_the_script_finds_the_tools(run, root, tmp_path):
    copy = shutil.copy(root / 'tools' / 'slurm_train.sh', tmp_path / 'slurm_script')
    job = {'SLURM_JOB_ID': '7', 'SLURM_SUBMIT_DIR': str(root)}
    status, calls, _ = run(job, script=copy)
    assert status == 0
    assert f'python -u {root}/tools/train.py ' in calls[0]


def test_batch_script_that_becomes_mmcmd_gets_the_signal(start, root, tmp_path):
    """The script of docs/running.md for an installed package."""
    script = tmp_path / 'job.sh'
    script.write_text(f'exec {sys.executable} -m mmcmd slurm-train "$@"\n')
    job = {'SLURM_JOB_ID': '7', 'HANG': '1', 'PYTHONPATH': str(root)}
    process = start(job, script=script)
    until = time.monotonic() + 10
    while not (tmp_path / 'calls.ready').exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=20)
    calls = (tmp_path / 'calls').read_text().splitlines()
    assert f'python -u {root}/tools/train.py ' in calls[0]
    assert (process.returncode, calls[1:]) == (85, ['USR1', 'scontrol requeue 7'])


def test_script_without_a_config_says_how_to_call_it(run, start):
    process = start({}, 'part', 'job')
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 2
    assert stderr.startswith('usage: ')

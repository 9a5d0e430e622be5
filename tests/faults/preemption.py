"""Stop trainings as schedulers do, and check that they save, clean up and exit with status 85.

    python tests/faults/preemption.py [--only WORD ...] [--seed S]

Each case starts `tools/train.py`, with two ranks under `tools/torchrun.py`, in its own session. It
waits for a phase of the run (training, validating, encoding a gallery). Then it sends SIGTERM or
SIGUSR1 to the process, to its group, or to every process of the job. The run must exit with status
85 within 30 s, with a checkpoint, and without any process left. If SIGTERM went to the group or the
job, the run is resumed, and its last checkpoint must be equal bit for bit to that of an
uninterrupted run. More cases send the signal ten times: at start-up, while workers start, while a
checkpoint is written, and while features are encoded for a linear evaluation. A `tools/test.py`
(phase "evaluate") has nothing to save; it must only end, with all its processes.
"""

import argparse
import os
import random
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DRILL = str(Path(__file__).with_name('kill_and_resume.py'))
EPOCHS, LIMIT = 3, 30
CONFIGS = {'cmd': 'cmd/cmd_bigru_ntu60_xsub.py', 'linear': 'benchmarks/linear.py'}
SLOW_HOOK = """
import os, time
from pathlib import Path
from mmengine.hooks import Hook
from mmcmd.registry import HOOKS

@HOOKS.register_module()
class SlowHook(Hook):
    # Makes a phase of the second epoch slow, and tells by a file that the run is in it.
    def in_phase(self, phase, seconds=0.3):
        if os.environ.get('PHASE') == phase:
            Path(os.environ['MARKER']).touch()
            time.sleep(seconds)

    def before_train_epoch(self, runner):
        self.in_phase('workers', 0)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.epoch == 1 and batch_idx == 2:
            self.in_phase('train', 1)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.in_phase('validate')

    def after_gallery_iter(self, runner):
        self.in_phase('gallery')
        self.in_phase('evaluate')

    def after_feature_iter(self, runner):
        self.in_phase('features')

    def before_save_checkpoint(self, runner, checkpoint):
        self.in_phase('checkpoint', 1)
"""


class Case(NamedTuple):
    """A signal, its target and its moment."""

    phase: str
    ranks: int
    workers: int
    signal: str
    target: str
    times: int = 1


def cases() -> Iterator[Case]:
    """Yield the cases. Each rank has its own session, so a job is more than one process group."""
    numbers = 'SIGTERM', 'SIGUSR1'
    for phase, ranks, workers in product(('train', 'validate', 'gallery'), (1, 2), (0, 4)):
        targets = ('process', 'group') if ranks == 1 else ('process', 'group', 'job')
        for number, target in product(numbers, targets):
            yield Case(phase, ranks, workers, number, target)
    for phase, ranks, number in product(('workers', 'checkpoint', 'features'), (1, 2), numbers):
        yield Case(phase, ranks, 4, number, 'job', 10)
    for ranks, number in product((1, 1, 1, 2, 2, 2), numbers):
        yield Case('start-up', ranks, 4, number, 'job', 10)
    for ranks, number, target in product((1, 2), numbers, ('process', 'group', 'job')):
        yield Case('evaluate', ranks, 4, number, target)


class Job:
    """Trainings of one case.

    Args:
        case (Case): The case.
        folder (Path): Folder of all cases, with the data and the slow hook.
        name (str): Name of the work dir in this folder.
    """

    def __init__(self, case: Case, folder: Path, name: str) -> None:
        self.case, self.folder, self.name = case, folder, name
        self.work_dir = folder / name
        self.marker, self.log = folder / f'{name}.marker', folder / f'{name}.log'

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen:
        """Start a training in its own session."""
        method = 'linear' if self.case.phase == 'features' else 'cmd'
        config = self.folder / f'{method}.py'
        tool = ROOT / 'tools' / ('test.py' if self.case.phase == 'evaluate' else 'train.py')
        command = [sys.executable, tool, config]
        if self.case.ranks > 1:
            ranks = f'--nproc_per_node={self.case.ranks}', f'--master_port={free_port()}'
            command[1:2] = [ROOT / 'tools' / 'torchrun.py', *ranks, tool]
            command += ['--launcher', 'pytorch']
        changes = options(self.folder / 'data.pkl', method, self.case.workers)
        command += ['--work-dir', self.work_dir, *arguments, '--cfg-options', *changes]
        paths = [str(self.folder), str(ROOT)]
        with self.log.open('a') as log:
            return subprocess.Popen(
                list(map(str, command)),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                env=os.environ
                | {'PYTHONPATH': os.pathsep.join(paths), 'OMP_NUM_THREADS': '1'}
                | {'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'}
                | variables,
            )

    def preempt(self, rng: random.Random) -> tuple[float, str]:
        """Start the training and ask it to stop.

        Returns:
            tuple[float, str]: Seconds from the signal to the exit, and the fault, or ''.
        """
        began = time.monotonic()
        self.marker.unlink(missing_ok=True)
        process = self.start(PHASE=self.case.phase, MARKER=str(self.marker))
        delay = rng.uniform(
            0.2, 8 * self.case.ranks
        )  # Python needs up to 0.2 s before it can handle signals
        while not self.marker.exists() and time.monotonic() < began + 120:
            if process.poll() is not None or (
                self.case.phase == 'start-up' and time.monotonic() > began + delay
            ):
                break
            time.sleep(0.01)
        job = family(process.pid)
        sent = time.monotonic()
        for _ in range(self.case.times):
            send(getattr(signal, self.case.signal), self.case.target, process.pid, job)
            time.sleep(0.01)
        try:
            status = process.wait(120)
        except subprocess.TimeoutExpired:
            status = 'none'
        seconds = time.monotonic() - sent
        saves = self.case.phase not in ('start-up', 'evaluate')
        right = status not in (0, 'none') if self.case.phase == 'evaluate' else status == 85
        faults = [] if right else [f'status {status}']
        if seconds > LIMIT:
            faults.append('too late')
        if saves and not (self.work_dir / 'preempted.pth').exists():
            faults.append('not saved')
        # Workers check every 5 s whether their parent process still exists.
        time.sleep(0.1 if saves else 6)
        if left := [pid for pid in job if alive(pid)]:
            faults.append(f'{len(left)} processes left')
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        return seconds, ', '.join(faults)

    def finish(self, *arguments: str) -> dict:
        """Train to the end and return the last checkpoint."""
        import torch

        if status := self.start(*arguments).wait(300):
            raise SystemExit(f'status {status}: {self.log.read_text()[-3000:]}')
        return torch.load(self.work_dir / f'epoch_{EPOCHS}.pth', weights_only=True)


def write_files(folder: Path) -> None:
    """Write data, the slow hook and the configs that name it."""
    runpy.run_path(DRILL)['write_data'](folder / 'data.pkl')
    (folder / 'slow_hook.py').write_text(SLOW_HOOK)
    for method, path in CONFIGS.items():
        (folder / f'{method}.py').write_text(
            f'_base_ = {str(ROOT / "configs" / path)!r}\n'
            "custom_imports = dict(imports=['mmcmd', 'slow_hook'])\n"
            "default_hooks = dict(slow=dict(type='SlowHook'))\n"
        )


def options(data: Path, method: str, workers: int) -> list[str]:
    """Return the options that make a training tiny."""
    values = {
        'model.backbone.hidden_size': 4,
        'model.backbone.num_layers': 1,
        'train_cfg.max_epochs': EPOCHS,
        'train_cfg.val_interval': 1,
        'default_hooks.checkpoint.interval': 1,
        'visualizer.vis_backends': '[]',
    }
    loaders = ['train_dataloader', 'val_dataloader', 'test_dataloader']
    if method == 'cmd':
        values |= {'model.neck.out_channels': 6, 'model.queue.size': 20}
        values |= {'model.distill_head.topk': 5}
        loaders += ['val_cfg.gallery_dataloader', 'test_cfg.gallery_dataloader']
    else:
        values |= {'model.head.num_classes': 4, 'train_cfg.type': 'CachedFeatureLoop'}
        values |= {'model.pretrained': 'random'}
    for loader in loaders:
        values |= {
            f'{loader}.batch_size': 5,
            f'{loader}.num_workers': workers,
            f'{loader}.dataset.ann_file': data,
            f'{loader}.dataset.clip_len': 8,
        }
    return [f'{key}={value}' for key, value in values.items()]


def free_port() -> int:
    """Return a port that no program uses."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def family(pid: int) -> list[int]:
    """Return a process and all its descendants that exist now."""
    try:
        tasks = [*Path(f'/proc/{pid}/task').iterdir()]
        children = [int(x) for task in tasks for x in (task / 'children').read_text().split()]
    except OSError:
        children = []
    return [pid, *(x for child in children for x in family(child))]


def alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def send(number: int, target: str, pid: int, job: Sequence[int]) -> None:
    """Send a signal to a process, its group, or all processes of a job."""
    try:
        if target == 'group':
            os.killpg(pid, number)
        for process in {'process': [pid], 'job': family(pid)}.get(target, []):
            os.kill(process, number)
    except ProcessLookupError:
        pass


def main() -> int:
    """Run the drill."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--only', nargs='+', default=[], help='cases with all of these words')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    rng, began = random.Random(args.seed), time.monotonic()
    differences = runpy.run_path(DRILL)['differences']
    wrong, done, longest, whole = 0, 0, 0.0, {}
    print(
        f'{"phase":10} {"ranks":>5} {"workers":>7} {"signal":8} {"target":8} {"times":>5} seconds'
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        for case in cases():
            words = list(
                map(str, case._replace(ranks=f'{case.ranks}r', workers=f'{case.workers}w'))
            )
            if not set(args.only) <= set(words):
                continue
            job = Job(case, folder, f'case{done}')
            seconds, faults = job.preempt(rng)
            verdict = faults or 'ok'
            exact = case.signal == 'SIGTERM' and case.target != 'process'
            if exact and case.phase != 'evaluate' and not faults:
                key = case.phase == 'features', case.ranks
                if key not in whole:
                    whole[key] = Job(case, folder, f'whole{len(whole)}').finish()
                found = [*differences(whole[key], job.finish('--resume'))]
                verdict = f'differs: {found[:3]}' if found else 'equal'
            done, longest = done + 1, max(longest, seconds)
            wrong += verdict not in ('ok', 'equal')
            if verdict not in ('ok', 'equal'):
                print(job.log.read_text()[-2000:])
            print(
                f'{case.phase:10} {case.ranks:5} {case.workers:7} {case.signal:8} {case.target:8} '
                f'{case.times:5} {seconds:7.1f} {verdict}',
                flush=True,
            )
            shutil.rmtree(job.work_dir, ignore_errors=True)
    print(
        f'{done - wrong} of {done} runs left with 85 and nothing behind, the last after '
        f'{longest:.1f} s ({time.monotonic() - began:.0f} s)'
    )
    return int(wrong > 0)


if __name__ == '__main__':
    sys.exit(main())

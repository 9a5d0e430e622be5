"""Kill a training at random moments, resume it, and compare it with an uninterrupted one.

    python tests/faults/kill_and_resume.py [--kills 10] [--seed S]

A tiny pre-training runs like under `tools/train.py`, in its own process, which gets SIGKILL. Every
other kill comes while the process writes a checkpoint; for this, writing is made slow. After some
kills, the newest checkpoint is damaged, as by a failing disk. Half of the kills hit a run that
saves by iteration, and the other half a run that saves by epoch. Every checkpoint and the results
must be equal bit for bit to those of an uninterrupted run: weights, queues, momentum encoders,
optimiser, schedulers, logs.
"""

import argparse
import json
import os
import pickle
import random
import runpy
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ['OMP_NUM_THREADS'] = '1'

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
EPOCHS, SEQUENCES, BATCH = 10, 42, 5  # 8 iterations in an epoch
PARTS, PAUSE = 10, 0.003  # number of parts of a checkpoint, and seconds between two parts
NOT_COMPARED = {
    *('time', 'data_time', 'samples_per_s', 'eta'),  # these differ between any two runs
    *('cfg', 'experiment_name', 'last_ckpt', 'best_ckpt'),  # these contain the name of the work dir
    'keep_ckpt_ids',  # the uninterrupted run keeps all checkpoints
    'mmengine_version',  # contains the commit, which may change meanwhile
}


def differences(first: object, second: object, name: str = '') -> Iterator[str]:
    """Yield the names of the values in two checkpoints that are not equal bit for bit."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in {**first, **second}:
            if str(key).split('/')[-1] in NOT_COMPARED:
                continue
            if key in first and key in second:
                yield from differences(first[key], second[key], f'{name}.{key}')
            else:
                yield f'{name}.{key}'
    elif isinstance(first, (list, tuple)) and type(first) is type(second):
        if len(first) != len(second):
            yield name
        for index, pair in enumerate(zip(first, second, strict=False)):
            yield from differences(*pair, f'{name}.{index}')
    elif isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        if first.dtype != second.dtype or not torch.equal(first, second):
            yield name
    elif type(first) is not type(second) or first != second:
        yield name


def checkpoints(work_dir: Path) -> list[Path]:
    """List the checkpoints from which a run can continue, the oldest first."""
    return sorted(map(work_dir.joinpath, names(work_dir)), key=lambda path: path.stat().st_mtime_ns)


def names(work_dir: Path) -> set[str]:
    """Return the names of the checkpoints. During a run, files appear and disappear."""
    return {path.name for path in work_dir.glob('*_*.pth') if not path.name.startswith('best')}


def differing_files(whole: Path, killed: Sequence[Path]) -> list[str]:
    """Return the differences between the files of a killed run and of the uninterrupted one."""
    found = []
    for path in killed:
        if (whole / path.name).exists():
            found += differences(read(whole / path.name), read(path), path.name)
        else:
            found.append(path.name)
    return found


def read(path: Path) -> dict:
    """Read a checkpoint or a JSON file."""
    if path.suffix == '.json':
        return json.loads(path.read_text())
    return torch.load(path, weights_only=True)


def write_data(path: Path, sequences: int = SEQUENCES) -> None:
    """Write a pickle of random walks."""
    rng = np.random.default_rng(0)
    annotations = [
        {
            'frame_dir': f'sample{index:02d}',
            'label': index % 4,
            'keypoint': rng.normal(size=(2, 12, 25, 3)).astype(np.float32).cumsum(axis=1),
            'total_frames': 12,
        }
        for index in range(sequences)
    ]
    names = [sample['frame_dir'] for sample in annotations]
    split = {'xsub_train': names, 'xsub_val': names[::4]}
    path.write_bytes(pickle.dumps({'split': split, 'annotations': annotations, 'layout': 'ntu'}))


METHODS = {
    'cmd': ('cmd/cmd_bigru_ntu60_xsub.py', {'model.distill_head.topk': 5}),
    # Mining starts in the middle of the run.
    'aimclr': ('aimclr/aimclr.py', {'model.mining_epoch': EPOCHS // 2, 'model.topk': 2}),
}
"""Config of each method, and options that make it tiny."""


def options(data: Path, method: str, by_epoch: bool, keep: int) -> list[str]:
    """Return the options that make the pre-training of NTU-60 tiny."""
    values = {
        'model.backbone.hidden_size': 4,
        'model.backbone.num_layers': 1,
        'model.neck.out_channels': 6,
        'model.queue.size': 30,
        **METHODS[method][1],
        'train_cfg.max_epochs': EPOCHS,
        'train_cfg.val_interval': 1,
        'param_scheduler.0.milestones': '[3,6]',
        'default_hooks.checkpoint.by_epoch': by_epoch,
        'default_hooks.checkpoint.interval': 1 if by_epoch else 3,
        'default_hooks.checkpoint.max_keep_ckpts': keep,
        'default_hooks.checkpoint.backend_args.backend': 'slow',
        'visualizer.vis_backends': '[]',
    }
    for loader in ('train_dataloader', 'val_dataloader', 'val_cfg.gallery_dataloader'):
        values[f'{loader}.batch_size'] = BATCH
        values[f'{loader}.num_workers'] = int(loader == 'train_dataloader')
        values[f'{loader}.dataset.ann_file'] = data
        values[f'{loader}.dataset.clip_len'] = 8
    return [f'{key}={value}' for key, value in values.items()]


def register_slow_backend(pause: float) -> None:
    """Register a backend that writes like the real one, but slowly."""
    from mmengine.fileio import register_backend

    from mmcmd.io.files import AtomicBackend, replace_file

    @register_backend('slow')
    class SlowBackend(AtomicBackend):
        def put(self, obj: bytes, filepath: str) -> None:
            with replace_file(filepath) as file:
                for part in np.array_split(np.frombuffer(obj, np.uint8), PARTS):
                    file.write(part.tobytes())
                    file.flush()
                    time.sleep(pause)


def start(work_dir: Path, method: str, args: Sequence[str], pause: float = 0) -> int:
    """Run `tools/train.py` in a process forked from this one, which has imported everything."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        log = os.open(f'{work_dir}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, b'==== life\n')
        for stream in (1, 2):
            os.dup2(log, stream)
        register_slow_backend(pause)
        config = ROOT / 'configs' / METHODS[method][0]
        sys.argv = ['train.py', str(config), '--verbose', '--work-dir', str(work_dir), *args]
        runpy.run_path(str(ROOT / 'tools' / 'train.py'), run_name='__main__')
    except SystemExit as stop:
        status = stop.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def check(status: int, work_dir: Path) -> None:
    """Stop the drill if a run has failed."""
    if status:
        lines = Path(f'{work_dir}.log').read_text().splitlines()
        raise SystemExit('\n'.join(['the training failed:', *lines[-20:]]))


def kill(pid: int, work_dir: Path, rng: random.Random, writing: bool, longest: float) -> str:
    """Kill a run that has saved a checkpoint.

    Args:
        pid (int): The process.
        work_dir (Path): Work dir of the run.
        rng (Random): Draws the moment.
        writing (bool): Kill the run while it writes a checkpoint.
        longest (float): If not ``writing``, the most seconds to wait.

    Returns:
        str: The moment, or '' if the run had ended before.
    """
    before, moment, until = names(work_dir), '', float('inf')
    pause = rng.uniform(0, PARTS * PAUSE if writing else longest)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            check(status, work_dir)
            return ''
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return moment
        if not moment and names(work_dir) != before:
            parts = [path.name.split('.pth')[0][1:] for path in work_dir.glob('.*.pth.*.part')]
            if parts or not writing:
                moment = f'writing {parts[0]}' if writing else 'at random'
                until = time.monotonic() + pause
        time.sleep(0.0005)


def damage(work_dir: Path, rng: random.Random) -> str:
    """Truncate the newest checkpoint or set a part of it to zero, unless it is the only one."""
    found = checkpoints(work_dir)
    if len(found) < 2:
        return ''
    content = bytearray(found[-1].read_bytes())
    at, cut = rng.randrange(len(content) // 2), rng.random() < 0.5
    content[at:] = b'' if cut else bytes(4096) + content[at + 4096 :]
    found[-1].write_bytes(content)
    return f'{found[-1].stem} {"cut off" if cut else "blanked"}'


def went_on_from(work_dir: Path) -> str:
    """Return the checkpoint from which the last start of a run continued, from its log."""
    life = Path(f'{work_dir}.log').read_text().split('==== life')[-1]
    found = [line.split('resumed epoch: ')[1] for line in life.splitlines() if 'resumed ep' in line]
    return 'epoch ' + found[0].replace('iter:', 'iteration') if found else 'the start'


def drill(folder: Path, method: str, by_epoch: bool, kills: int, rng: random.Random) -> int:
    """Kill runs, then let each run end. Print a row for each kill; return the number of faults."""
    folder.mkdir()
    write_data(data := folder / 'data.pkl')
    whole, began = folder / 'whole', time.monotonic()
    pid = start(whole, method, ['--cfg-options', *options(data, method, by_epoch, keep=-1)])
    check(os.waitpid(pid, 0)[1], whole)
    longest = (time.monotonic() - began) / 2 / max(kills, 5)
    wrong = done = runs = 0
    while done < kills:
        runs += 1
        killed, lives, row, moment = folder / f'killed{runs}', 0, None, 'not yet'
        while moment:
            lives += 1
            resume = ['--resume'] if lives > 1 else []
            changes = options(data, method, by_epoch, keep=2)
            pid = start(killed, method, [*resume, '--cfg-options', *changes], PAUSE)
            if done < kills:
                moment = kill(pid, killed, rng, done % 2 == 1, longest)
            else:
                check(os.waitpid(pid, 0)[1], killed)
                moment = ''
            # A checkpoint is saved again after a validation: the newest may not be final yet.
            files = checkpoints(killed)[:-1] if moment else [*killed.glob('*.pth')]
            files += [] if moment else [killed / 'results.json']
            differing = differing_files(whole, files)
            wrong += row is not None and bool(differing)
            if row is not None:
                verdict = f'differs: {", ".join(differing[:3])}' if differing else 'equal'
                ending = '' if moment else ', to the end'
                print(f'{row} {went_on_from(killed):26} {verdict}{ending}', flush=True)
            if moment:
                done += 1
                harm = damage(killed, rng) if rng.random() < 0.3 else ''
                row = f'{"epoch" if by_epoch else "iteration":10} {moment:30} {harm:18}'
    return wrong


def main() -> int:
    """Run the drill by iteration and by epoch."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--method', choices=METHODS, default='cmd')
    args = parser.parse_args()
    import mmcmd.cli  # noqa: F401 (here once, and not in each of the processes)

    torch.set_num_threads(1)
    rng, began = random.Random(args.seed), time.monotonic()
    print(f'{"saved by":10} {"killed":30} {"damaged":18} {"went on from":26} all saved after it')
    with tempfile.TemporaryDirectory() as folder:
        half = args.kills // 2
        wrong = drill(Path(folder, 'iteration'), args.method, False, args.kills - half, rng)
        wrong += drill(Path(folder, 'epoch'), args.method, True, half, rng)
    print(
        f'{args.kills - wrong} of {args.kills} resumes are bit-identical '
        f'({time.monotonic() - began:.0f} s)'
    )
    return int(wrong > 0)


if __name__ == '__main__':
    sys.exit(main())

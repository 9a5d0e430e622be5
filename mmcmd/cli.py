"""Shared parts of the command line tools: options, and error messages of one sentence."""

import argparse
import errno
import gc
import json
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from mmcmd import apis
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import TRUST_FLAG, trust_checkpoints
from mmcmd.signals import unblock


def runner_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every tool that builds a runner."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--data',
        help='data set: a name in configs/_base_/datasets, a file like those, or a pickle',
    )
    parser.add_argument(
        '--encoder', help='encoder, a name in configs/_base_/encoders or a file like those'
    )
    parser.add_argument(
        '--budget',
        choices=apis.BUDGETS,
        help='small: for small data on a CPU; paper: as published (default: what fits the data)',
    )
    parser.add_argument('--work-dir', help='where logs, checkpoints and results go')
    parser.add_argument('--ann-file', help="annotation pickle, instead of the config's")
    parser.add_argument(
        '--select',
        type=int,
        nargs='?',
        const=0,
        metavar='FOLD',
        help='validate on a fifth of the training subjects (fold 0, the default, to 4), and leave '
        'the test split unread',
    )
    parser.add_argument(
        '--without',
        metavar='SUBJECT',
        help='train on all subjects except this one, and test on this one',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override entries of the config, for example model.queue.size=4096',
    )
    parser.add_argument(
        TRUST_FLAG,
        action='store_true',
        help='load checkpoints that hold more than data; they can run code',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and merge the options of :func:`runner_parser` into it.

    Args:
        args (argparse.Namespace): Options of the command line. ``pretrained`` and ``checkpoint``
            may be among them, see :func:`mmcmd.apis.load_config`.

    Raises:
        InputError: If the file is missing or is no valid config.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.trust_checkpoint:
        trust_checkpoints()
    cfg = apis.load_config(
        args.config,
        data=args.data,
        encoder=args.encoder,
        budget=args.budget,
        pretrained=getattr(args, 'pretrained', None),
        checkpoint=getattr(args, 'checkpoint', None),
        ann_file=args.ann_file,
        options=args.cfg_options,
        select=args.select,
        without=args.without,
    )
    cfg.launcher = args.launcher
    # mmengine's order of precedence: command line, config, then a folder named after the config.
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(_default_work_dir(args, cfg))
    for loader in apis.loaders(cfg).values():
        if torch.cuda.is_available():  # without a GPU, torch warns of it
            loader.setdefault('pin_memory', True)
        # torch refuses persistent workers if there are no workers.
        if loader.get('num_workers') == 0:
            loader.persistent_workers = False
    if args.launcher == 'slurm':
        _name_slurm_ranks()
    if args.launcher in ('pytorch', 'slurm') and not torch.cuda.is_available():
        _join_on_cpu(cfg)
    return cfg


def _default_work_dir(args: argparse.Namespace, cfg: Config) -> Path:
    """Return a folder named after config and arguments; for evaluations, beside the checkpoint."""
    parts = [Path(args.config).stem]
    held_out = [
        f'{option}-{value}'
        for option, value in (('select', args.select), ('without', args.without))
        if value is not None
    ]
    source = getattr(args, 'pretrained', None) or getattr(args, 'checkpoint', None)
    if (
        (cfg.get('model') or {}).get('type') in apis.EVALUATIONS
        and source
        and Path(source).exists()
    ):
        path = Path(source)
        name = path.resolve().name if path.is_dir() else path.stem
        return path.parent / '_'.join([*parts, cfg.data.name, name, *held_out])
    parts += [Path(x).stem for x in (args.encoder, args.data) if x is not None]
    return Path('work_dirs') / '_'.join([*parts, *held_out])


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` texts as ``--cfg-options`` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *options]).cfg_options


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config, after the config is fitted to the data.

    Raises:
        InputError: If the config names a class or an argument that does not exist.
    """
    apis.fit_to_data(cfg)
    try:
        return Runner.from_cfg(cfg)
    except (KeyError, TypeError) as error:
        raise InputError(f'the config cannot be built: {error}') from error


def _name_slurm_ranks() -> None:
    """Set the variables by which torch finds the ranks that srun started.

    Raises:
        InputError: If srun did not start this process.
    """
    if 'SLURM_PROCID' not in os.environ:
        raise InputError(
            '--launcher slurm is for processes that srun starts: use tools/slurm_train.sh'
        )
    # With mmengine's fixed port, two jobs cannot share a node.
    os.environ.setdefault('MASTER_PORT', str(20000 + int(os.environ['SLURM_JOB_ID']) % 10000))
    nodes = ('scontrol', 'show', 'hostnames', os.environ['SLURM_STEP_NODELIST'])
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = subprocess.check_output(nodes, text=True).split()[0]
    os.environ['RANK'] = os.environ['SLURM_PROCID']
    os.environ['LOCAL_RANK'] = os.environ['SLURM_LOCALID']
    os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']


def _join_on_cpu(cfg: Config) -> None:
    """Join the ranks that were started; mmengine's launchers do so on accelerators only."""
    torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False
    )


_OUT_OF_MEMORY = (
    'the GPU is out of memory; lower train_dataloader.batch_size (when evaluating, that of '
    'val_dataloader, test_dataloader and the gallery_dataloader), model.queue.size or '
    'model.backbone.hidden_size, or train with --amp'
)
_DISK_FULL = (
    'the disk is full; the checkpoints written before are whole: free some space and go on with '
    '--resume'
)
_RANK_LOST = 'another rank is gone or does not answer; its own message, if any, tells why'
_FROM_ANOTHER_RANK = re.compile(r'gloo/transport/\w+/(pair|buffer|unbound_buffer)')
_NO_ROOM_ON_GPU = re.compile('STATUS_ALLOC_FAILED|CUDA error: out of memory')
_NO_ROOM = errno.ENOSPC, errno.EDQUOT, errno.EFBIG


def run(main: Callable[[], int | None]) -> None:
    """Run a tool's main function; a user's mistake ends in one sentence and exit status 2."""
    unblock()
    try:
        status = main()
        if torch.distributed.is_initialized():
            # Objects that still hold the group keep its threads. These may abort the
            # interpreter's exit.
            gc.collect()
            torch.distributed.destroy_process_group()
        sys.exit(status)
    except InputError as error:
        # mmengine's registry wraps an exception in one of the same kind that adds class names.
        # A message of ours that adds the name of a file is raised `from None` and is kept.
        while isinstance(error.__context__, InputError) and not error.__suppress_context__:
            error = error.__context__
        # torch puts the exception of a worker process into a message with its traceback.
        message = str(error).rpartition('mmcmd.errors.InputError: ')[2].strip()
        _stop(f'error: {message}', 2)
    except OSError as error:  # no permission: the message names the file
        full = f'{_DISK_FULL} ({error})' if error.errno in _NO_ROOM else error
        _stop(f'error: {_file_for_folder(error) or full}', 2)
    except SystemExit as stop:  # among others, a training that was asked to stop
        _leave(stop.code)
    except KeyboardInterrupt:
        _stop('interrupted', 130)
    except Exception as error:
        if isinstance(error, torch.OutOfMemoryError) or _NO_ROOM_ON_GPU.search(str(error)):
            _stop(f'error: {_OUT_OF_MEMORY} ({_first_sentence(error)})', 2)
        if _FROM_ANOTHER_RANK.search(str(error)):
            message = f'error: {_RANK_LOST} ({_first_sentence(error)})'
            _print(message)
            _tell_torchrun(message, delay=60)
            _leave(1)
        _tell_torchrun(traceback.format_exc())
        if torch.distributed.is_initialized():
            sys.excepthook(*sys.exc_info())  # torch's hook, which names the rank
            _leave(1)
        raise


def _file_for_folder(error: OSError) -> str | None:
    """Say which file lies where a folder is needed, if that is the error."""
    if not isinstance(error, (FileExistsError, NotADirectoryError)) or not error.filename:
        return None
    path = Path(error.filename)
    files = [x for x in (path, *path.parents) if x.is_file()]
    return f'{files[0]} is a file, and a folder is needed there; give another path' * bool(files)


def _first_sentence(error: Exception) -> str:
    return str(error).split('. ')[0].split('\n')[0].rstrip('.')


def _stop(message: str, status: int) -> NoReturn:
    _print(message)
    _tell_torchrun(message)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End early. The threads of a process group may abort an interpreter's usual exit."""
    if not torch.distributed.is_initialized():
        sys.exit(status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _print(message: str) -> None:
    sys.stderr.write(f'{Path(sys.argv[0]).name}: {message}\n')


def _tell_torchrun(reason: str, delay: int = -1) -> None:
    """Write the reason into torchrun's error file. torchrun prints it at the very end.

    torchrun takes the earliest failure as the cause of the others. Its times are whole seconds.
    With a ``delay`` below 0, this rank comes before the ranks that leave no reason; with one above
    0, it comes after them. torch's own ``record`` cannot replace this function. It writes the
    present time, so a rank that only lost another one may count as the cause. And it writes nothing
    for a program that ends with an exit status.
    """
    if path := os.environ.get('TORCHELASTIC_ERROR_FILE'):
        details = {'py_callstack': reason, 'timestamp': int(time.time()) + delay}
        failure = {'message': {'message': reason, 'extraInfo': details}}
        Path(path).write_text(json.dumps(failure))

"""What the command line tools share: options, and errors that end in one sentence."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config, DictAction

from mmcmd.engine.checkpoint import TRUST_FLAG, trust_checkpoints
from mmcmd.errors import InputError


def runner_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every tool that builds a runner."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='where logs, checkpoints and results go')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override entries of the config, for example model.head.queue_size=4096',
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

    Raises:
        InputError: If the file is missing or is no valid config.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if not Path(args.config).is_file():
        raise InputError(f'config {args.config} does not exist')
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    # mmengine's order of precedence: command line, config, then a folder named after the config.
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if args.trust_checkpoint:
        trust_checkpoints()
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        _join_on_cpu(cfg)
    return cfg


def _join_on_cpu(cfg: Config) -> None:
    """Join the ranks that torchrun started; mmengine's launcher does so on accelerators only."""
    torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False
    )


def run(main: Callable[[], int | None]) -> None:
    """Run a tool's main function; a user's mistake ends in one sentence and exit status 2."""
    try:
        sys.exit(main())
    except InputError as error:
        # mmengine's registry wraps an exception in one of the same kind that adds class names.
        while isinstance(error.__context__, InputError):
            error = error.__context__
        print(f'{Path(sys.argv[0]).name}: error: {error}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f'{Path(sys.argv[0]).name}: interrupted', file=sys.stderr)
        sys.exit(130)

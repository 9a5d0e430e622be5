"""Shared parts of the command line tools: what their options mean, and their runner."""

import argparse
import logging
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.config import Config, DictAction

from mmcmd.arguments import add_trust_option, config_parser, data_parser, runner_parser
from mmcmd.errors import InputError, config_faults
from mmcmd.exits import run

if TYPE_CHECKING:  # torch takes seconds, and --help needs none of it
    from mmengine.runner import Runner

__all__ = [
    'add_trust_option',
    'build_runner',
    'config_parser',
    'data_parser',
    'load_config',
    'parse',
    'parse_options',
    'run',
    'runner_parser',
]


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """Read the command line, and prepare what all tools need once their options are known.

    Messages are printed as plain text. Checkpoints are trusted if the command line says so.

    Args:
        parser (argparse.ArgumentParser): Parser of the tool.
        arguments (Sequence[str], optional): Defaults to those of this process.
    """
    args = parser.parse_args(arguments)
    from mmengine.logging import MMLogger

    from mmcmd.terminal import NOTICE, use_plain_messages

    # Before a runner is built, no rank knows the others, and the first one speaks for all.
    rank = os.environ.get('RANK') or os.environ.get('SLURM_PROCID') or '0'
    level = NOTICE if rank == '0' else logging.ERROR
    use_plain_messages(MMLogger.get_current_instance(), level)
    if getattr(args, 'trust_checkpoint', False):
        from mmcmd.io.checkpoint import trust_checkpoints

        trust_checkpoints()
    return args


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and merge the options of :func:`runner_parser` into it.

    Args:
        args (argparse.Namespace): Options of the command line. ``pretrained`` and ``checkpoint``
            may be among them, see :func:`mmcmd.apis.load_config`.

    Raises:
        InputError: If the file is missing or is no valid config.
    """
    import torch

    from mmcmd import apis

    os.environ.setdefault('LOCAL_RANK', str(getattr(args, 'local_rank', 0)))
    cfg = apis.load_config(
        args.config,
        data=args.data,
        encoder=args.encoder,
        budget=args.budget,
        pretrained=getattr(args, 'pretrained', None),
        checkpoint=getattr(args, 'checkpoint', None),
        ann_file=getattr(args, 'ann_file', None),
        options=args.cfg_options,
        select=getattr(args, 'select', None),
        without=getattr(args, 'without', None),
    )
    launcher = getattr(args, 'launcher', 'none')
    cfg.launcher = launcher
    if getattr(args, 'verbose', False):
        cfg.verbose = True
    # mmengine's order of precedence: command line, config, then a folder named after the config.
    if getattr(args, 'work_dir', None) is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(_default_work_dir(args, cfg))
    for loader in apis.loaders(cfg).values():
        if torch.cuda.is_available():  # without a GPU, torch warns of it
            loader.setdefault('pin_memory', True)
        # torch refuses persistent workers if there are no workers.
        if loader.get('num_workers') == 0:
            loader.persistent_workers = False
    if launcher == 'slurm':
        _name_slurm_ranks()
    if launcher in ('pytorch', 'slurm') and not torch.cuda.is_available():
        _join_on_cpu(cfg)
    return cfg


def _default_work_dir(args: argparse.Namespace, cfg: Config) -> Path:
    """Return a folder named after config and arguments; for evaluations, beside the checkpoint."""
    from mmcmd.apis import EVALUATIONS

    parts = [Path(args.config).stem]
    held_out = [
        f'{option}-{value}'
        for option in ('select', 'without')
        if (value := getattr(args, option, None)) is not None
    ]
    source = getattr(args, 'pretrained', None) or getattr(args, 'checkpoint', None)
    if (cfg.get('model') or {}).get('type') in EVALUATIONS and source and Path(source).exists():
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


def build_runner(cfg: Config) -> 'Runner':
    """Build the runner of a config, after the config is fitted to the data.

    Raises:
        InputError: If the config names a class or an argument that does not exist.
    """
    from mmcmd.apis import fit_to_data
    from mmcmd.engine.tool_runner import ToolRunner

    fit_to_data(cfg)
    with config_faults():
        return ToolRunner.from_cfg(cfg)


def _name_slurm_ranks() -> None:
    """Set the variables by which torch finds the ranks that srun started.

    Raises:
        InputError: If srun did not start this process.
    """
    if 'SLURM_PROCID' not in os.environ:
        raise InputError(
            '--launcher slurm is for processes that srun starts; use mmcmd slurm-train'
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
    import torch

    torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False
    )

"""Options that several tools share. The module imports no framework, so ``--help`` is fast."""

import argparse

from mmengine.config import DictAction

BUDGETS = ('small', 'own', 'paper')
SMALL = ('small', 'own')
"""The budgets with the model sizes for a CPU."""
TRUST_FLAG = '--trust-checkpoint'
LOADERS = {
    'train': 'train_dataloader',
    'val': 'val_dataloader',
    'test': 'test_dataloader',
    'gallery': 'test_cfg.gallery_dataloader',
}
"""Short names of the data loaders of a config. The gallery is the unaugmented training split."""


def config_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every tool that reads a config.

    Args:
        description (str): What the tool does.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--data',
        help='data set: a name in configs/_base_/datasets, or the path of a data config or pickle',
    )
    parser.add_argument(
        '--encoder', help='encoder: a name in configs/_base_/encoders, or the path of such a file'
    )
    parser.add_argument(
        '--budget',
        choices=BUDGETS,
        help='small: for small data on a CPU; own: the sizes of small with the published batch, '
        'optimiser and schedule; paper: as published (default: small if the data config says '
        'small=True, else paper)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='change entries of the config, for example model.queue.size=4096',
    )
    return parser


def data_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every tool that reads a config and its data.

    Args:
        description (str): What the tool does.
    """
    parser = config_parser(description)
    parser.add_argument('--ann-file', help='pickle that replaces the one of the config')
    parser.add_argument(
        '--select',
        type=int,
        nargs='?',
        const=0,
        metavar='FOLD',
        help='validate on a fifth of the training subjects (fold 0, the default, to 4), and do not '
        'read the test split',
    )
    parser.add_argument(
        '--without',
        metavar='SUBJECT',
        help='train on all subjects except this one, and test on this one',
    )
    return parser


def runner_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every tool that builds a runner.

    Args:
        description (str): What the tool does.
    """
    parser = data_parser(description)
    parser.add_argument('--work-dir', help='where logs, checkpoints and results go')
    add_trust_option(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument(
        '--verbose', action='store_true', help='print the whole log on the terminal, too'
    )
    return parser


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that allows checkpoints to run code.

    Args:
        parser (argparse.ArgumentParser): Of a tool that loads checkpoints.
    """
    parser.add_argument(
        TRUST_FLAG,
        action='store_true',
        help='load the checkpoint even if it can run code',
    )

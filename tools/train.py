"""Pre-train encoders, or train a classifier, as the config says."""

from mmcmd.signals import STARTED, stop_at_start_up

if __name__ == '__main__':
    stop_at_start_up()  # before torch is imported, which takes seconds

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mmcmd.cli import build_runner, load_config, parse, run, runner_parser
from mmcmd.errors import InputError

if TYPE_CHECKING:
    from mmcmd.recipe import Evaluation


def main() -> None:
    parser = runner_parser('Pre-train encoders, or train a classifier, as the config says.')
    parser.add_argument(
        '--pretrained',
        metavar='CHECKPOINT',
        help='for an evaluation: checkpoint of a pre-training, published folder, its name on the '
        'hub, or `random` for an encoder without training',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint (default: the latest complete one in the work dir)',
    )
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision, see --amp-dtype'
    )
    parser.add_argument(
        '--amp-dtype',
        default='float16',
        choices=['float16', 'bfloat16'],
        help='data type for --amp: float16 (default, only on a GPU) or bfloat16',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size of all GPUs together',
    )
    parser.add_argument('--seed', type=int, help='seed of all random numbers')
    parser.add_argument(
        '--minutes',
        type=float,
        help='for configs/recipes/small.py: train as many steps as fit into this time, together '
        'with the evaluations',
    )
    args = parse(parser)

    import torch
    from mmengine.dist import get_world_size, is_main_process
    from mmengine.logging import print_log

    from mmcmd.apis import skip_unlabelled_validation
    from mmcmd.recipe import evaluate, plan_minutes
    from mmcmd.terminal import NOTICE

    cfg = load_config(args)

    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.amp and args.amp_dtype == 'bfloat16':
        cfg.optim_wrapper.type = 'Bfloat16OptimWrapper'
    elif args.amp:
        if not torch.cuda.is_available():
            raise InputError(
                '--amp needs a GPU, but there is none; --amp --amp-dtype bfloat16 works without'
            )
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise InputError(f'--auto-scale-lr: {args.config} has no auto_scale_lr.base_batch_size')
        cfg.auto_scale_lr.enable = True
    if args.seed is not None:
        cfg.randomness = dict(cfg.get('randomness', {}), seed=args.seed)

    skipped = skip_unlabelled_validation(cfg)
    if args.minutes is not None:
        plan_minutes(cfg, args.minutes, STARTED, args.resume is not None)
    runner = build_runner(cfg)
    if skipped:
        runner.logger.warning(skipped)
    runner.train()
    checkpoint = Path(cfg.work_dir, f'epoch_{runner.max_epochs}.pth')
    if cfg.get('final_evaluation') and get_world_size() == 1:  # the evaluations use one process
        held_out = {'select': args.select, 'without': args.without}
        told = 'you can use the checkpoint now; it is still being compared with raw coordinates'
        print_log(told, 'current', NOTICE)
        show(evaluate(cfg, checkpoint, args.data, args.ann_file, held_out))
    if 'final_evaluation' in cfg and is_main_process():  # a recipe, perhaps on data without labels
        gallery = cfg.train_dataloader.dataset.ann_file
        command = shlex.join(['mmcmd', 'serve', str(checkpoint), '--gallery', str(gallery)])
        print_log(f'to see neighbours: {command}', 'current', NOTICE)


def show(evaluation: 'Evaluation') -> None:
    """Print a table of accuracies, and a comparison with raw coordinates."""
    from rich.table import Column, Table

    from mmcmd.recipe import worth_it
    from mmcmd.terminal import get_console, say

    table = Table(
        Column('validation, accuracy in %', overflow='fold'), *evaluation.streams, box=None
    )
    for name, values in evaluation.rows.items():
        cells = (f'{values[x]:.1f}' if x in values else '' for x in evaluation.streams)
        table.add_row(name, *cells)
    console = get_console()
    console.print(table)
    say(console, worth_it(evaluation))


if __name__ == '__main__':
    run(main)

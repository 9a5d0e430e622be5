"""Evaluate a checkpoint by nearest neighbours or by a classifier, as the config says."""

from mmcmd.cli import build_runner, load_config, parse, run, runner_parser


def main() -> None:
    parser = runner_parser('Evaluate a checkpoint as the config says.')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file, published folder, or its name on the hub (default: none, the model '
        'keeps its initial weights)',
    )
    args = parse(parser)
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    build_runner(cfg).test()


if __name__ == '__main__':
    run(main)

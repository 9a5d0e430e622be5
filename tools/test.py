"""Evaluate a checkpoint: nearest neighbours or accuracy, whatever the config says."""

from mmcmd.cli import build_runner, load_config, run, runner_parser


def main() -> None:
    parser = runner_parser('Evaluate a checkpoint as a config describes.')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file, published folder, or its name on the hub; without one the model is '
        'evaluated as it is initialised',
    )
    args = parser.parse_args()
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    build_runner(cfg).test()


if __name__ == '__main__':
    run(main)

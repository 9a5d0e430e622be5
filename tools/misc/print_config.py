"""Print a config as the other tools see it: bases merged, options applied."""

from mmcmd.apis.cli import load_config, run, runner_parser


def main() -> None:
    args = runner_parser('Print a config, resolved.').parse_args()
    print(load_config(args).pretty_text)


if __name__ == '__main__':
    run(main)

"""Print a config as the other tools see it: bases merged, options applied."""

from mmengine.config import Config

from mmcmd.cli import load_config, run, runner_parser


def main() -> None:
    args = runner_parser('Print a config, resolved.').parse_args()
    print(Config(load_config(args).to_dict()).pretty_text, end='')


if __name__ == '__main__':
    run(main)

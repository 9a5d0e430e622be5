"""Print a config as the other tools use it, with all base files and options merged."""

from mmengine.config import Config

from mmcmd.cli import load_config, run, runner_parser


def main() -> None:
    args = runner_parser('Print a config with all base files and options merged.').parse_args()
    print(Config(load_config(args).to_dict()).pretty_text, end='')


if __name__ == '__main__':
    run(main)

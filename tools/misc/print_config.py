"""Print a config as the other tools use it, with all base files and options merged."""

from mmengine.config import Config

from mmcmd.cli import data_parser, load_config, parse, run


def main() -> None:
    args = parse(data_parser('Print a config with all base files and options merged.'))
    print(Config(load_config(args).to_dict()).pretty_text, end='')


if __name__ == '__main__':
    run(main)

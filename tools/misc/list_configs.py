"""List the configs of the package, or those whose name has some words."""

import argparse

from mmcmd.config_files import choices, config_names
from mmcmd.exits import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('words', nargs='*', metavar='WORD', help='such as cmd, or ntu60')
    words = parser.parse_args().words
    found = [name for name in config_names() if all(word in name for word in words)]
    if not found:
        parser.error(f'no config has {" and ".join(words)} in its name')
    print('\n'.join(found))
    if not words:
        print(f'\n--data: {", ".join(choices("datasets"))}')
        print(f'--encoder: {", ".join(choices("encoders"))}')


if __name__ == '__main__':
    run(main)

"""Find similar motions: simulated ones, by the small encoder that comes with the package."""

import argparse
from pathlib import Path

OUT = Path('quickstart')
SHOWN = 'kick', 'push', 'pick up', 'wave hand', 'bow'
DRAWN = 3


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out', type=Path, default=OUT, metavar='FOLDER', help=f'folder to write (default: {OUT})'
    )
    parser.add_argument('--no-picture', action='store_true', help='draw no moving picture')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmengine.logging import MMLogger
    from rich.table import Table

    from mmcmd import quickstart
    from mmcmd.inference import PickleRecordings, SkeletonEncoderInferencer
    from mmcmd.terminal import get_console, say

    MMLogger.get_current_instance().setLevel('WARNING')
    console = get_console()
    say(console, 'SYNTHETIC motions: simulated stick figures, nobody was recorded.')
    names = 'motions.pkl', 'encoder', 'neighbours.gif'
    pickle, encoder, picture = (args.out / name for name in names)
    quickstart.copy_encoder(encoder)
    number = quickstart.make_motions(pickle)
    say(console, f'{pickle}: {number} motions of {quickstart.PLAN.subjects} simulated people')
    motions = PickleRecordings(pickle)
    inferencer = SkeletonEncoderInferencer(encoder, device='cpu', show_progress=False)
    found = quickstart.find_neighbours(inferencer, motions)

    classes = motions.classes
    shown = quickstart.choose(found, [classes.index(name) for name in SHOWN])
    table = Table('motion', *quickstart.RANKS, title='the most similar motions of other people')
    for one in shown:
        near = (f'{classes[x.label]} {x.similarity:.2f}' for x in one.neighbours)
        table.add_row(classes[one.label], *near)
    console.print(table)
    ours, raw = quickstart.share_found(found), quickstart.share_by_coordinates(found)
    say(
        console,
        f'The nearest motion is the same action for {100 * ours:.0f} % of the motions\n'
        f'(coordinates without an encoder: {100 * raw:.0f} %, chance: {100 / len(classes):.0f} %).',
    )
    if not args.no_picture:
        title = 'SYNTHETIC motions, and the most similar ones'
        with console.status('drawing'):
            quickstart.draw_neighbours(shown[:DRAWN], motions, title, picture)
        say(console, f'{picture}: {", ".join(SHOWN[:DRAWN])} and their neighbours, moving')
    # One line, so that it can be copied.
    say(console, f'web page: mmcmd serve {encoder} --gallery {pickle}', wrap=False)


if __name__ == '__main__':
    options = parse_args()  # before torch is imported: it takes seconds, and --help needs none
    from mmcmd.cli import run

    run(lambda: main(options))

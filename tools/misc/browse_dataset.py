"""Draw the inputs of the encoders: each augmented view of sequences, in each modality."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import Config

from mmcmd.arguments import LOADERS
from mmcmd.cli import data_parser, load_config, parse, run
from mmcmd.errors import InputError

if TYPE_CHECKING:
    import torch

    from mmcmd.datasets import SkeletonDataset

FORMATS = 'gif', 'png'
DRAWS = 6
"""Number of epochs that are compared, to find out whether a view is augmented."""


def main() -> None:
    parser = data_parser('Draw the inputs of the encoders, one picture per sequence.')
    parser.add_argument('--out', type=Path, required=True, help='folder for the pictures')
    parser.add_argument(
        '--number', type=int, default=6, help='number of sequences, evenly spaced (default: 6)'
    )
    parser.add_argument('--loader', choices=LOADERS, default='train', help='loader of the data')
    parser.add_argument(
        '--format', choices=FORMATS, default='gif', help='animation, or single frames'
    )
    parser.add_argument(
        '--seed', type=int, help='seed of the augmentation (default: seed of the config)'
    )
    parser.add_argument('--epoch', type=int, default=0, help='epoch whose augmentation is drawn')
    args = parse(parser)

    import numpy as np
    from rich.progress import track

    from mmcmd.apis import build_loader
    from mmcmd.datasets.annotations.labelled import class_names, name_label
    from mmcmd.models.modalities import build_modality
    from mmcmd.skeletons import get_layout
    from mmcmd.terminal import get_console
    from mmcmd.visualization import draw_frames, make_panels, write_animation

    draw = {'gif': write_animation, 'png': draw_frames}[args.format]
    if args.number < 1:
        raise InputError(f'--number must be at least 1, got {args.number}')
    if args.out.exists() and not args.out.is_dir():
        raise InputError(f'--out {args.out} is a file, expected a folder for the pictures')
    cfg = load_config(args)
    dataset = build_loader(cfg, LOADERS[args.loader]).dataset
    seed = args.seed if args.seed is not None else cfg.get('randomness', {}).get('seed') or 0

    layout = get_layout(dataset.mapping.layout if dataset.mapping else dataset.layout)
    modalities = {name: build_modality(name, layout) for name in modality_names(cfg)}
    classes = class_names(dataset.annotations.facts)
    number = min(args.number, len(dataset))
    chosen = np.unique(np.linspace(0, len(dataset) - 1, number).round().astype(int)).tolist()
    console = get_console(stderr=True)
    bar = {'console': console, 'transient': True, 'disable': not console.is_terminal}
    for index in track(chosen, 'drawing', **bar):
        info = dataset.get_data_info(index)
        views = load_views(dataset, seed, args.epoch, index)
        panels = []
        for view in views.values():
            seen = {name: modality(view).numpy() for name, modality in modalities.items()}
            panels.append(make_panels(view.numpy(), seen, layout))
        title = f'{info["frame_dir"]}, {name_label(info["label"], classes)}'
        name = re.sub(r'[^\w.-]+', '_', str(info['frame_dir']))
        others = [load_views(dataset, seed, args.epoch + n, index) for n in range(1, DRAWS)]
        names = name_views(views, others)
        out = args.out / f'{index:05d}_{name}.{args.format}'
        draw(panels, title, out, views=names)
    print(f'{len(chosen)} pictures in {args.out}')


def load_views(
    dataset: 'SkeletonDataset', seed: int, epoch: int, index: int
) -> dict[str, 'torch.Tensor']:
    """Return the views of a sequence in one epoch, each (M, T, V, C), by name."""
    import torch

    inputs = dataset[seed, epoch, index]['inputs']
    groups = inputs if isinstance(inputs, Mapping) else {'': inputs}
    views = [(group, torch.as_tensor(view)) for group, rows in groups.items() for view in rows]
    return {
        f'view {number}' + (f' ({group})' if group else ''): view
        for number, (group, view) in enumerate(views, start=1)
    }


def name_views(
    views: Mapping[str, 'torch.Tensor'], others: Sequence[Mapping[str, 'torch.Tensor']]
) -> list[str]:
    """Return the name of each view, and whether it is augmented: it then changes between epochs."""
    return [
        f'{name}, ' + ('not augmented' if all(view.equal(x[name]) for x in others) else 'augmented')
        for name, view in views.items()
    ]


def modality_names(cfg: Config) -> list[str]:
    """Return the modalities of the streams of a config's model, each of them once."""
    from mmcmd.models.streams import MODALITIES

    streams = cfg.model.get('modalities', MODALITIES)
    if isinstance(streams, Mapping):
        streams = [stream.get('modality', name) for name, stream in streams.items()]
    return list(dict.fromkeys(streams))


if __name__ == '__main__':
    run(main)

"""Draw what the encoders see: each augmented view of sequences, as each modality."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from rich.progress import track

from mmcmd.apis import build_loader
from mmcmd.apis.inference import LOADERS
from mmcmd.cli import load_config, run, runner_parser
from mmcmd.errors import InputError
from mmcmd.models.modalities import build_modality
from mmcmd.models.streams import MODALITIES
from mmcmd.skeletons import get_layout
from mmcmd.visualization import draw_frames, make_panels, write_animation

DRAW = {'gif': write_animation, 'png': draw_frames}


def main() -> None:
    parser = runner_parser('Draw what the encoders see, one picture a sequence.')
    parser.add_argument('--out', type=Path, required=True, help='folder of the pictures')
    parser.add_argument('--number', type=int, default=6, help='sequences, evenly spaced')
    parser.add_argument('--loader', choices=LOADERS, default='train', help='whose data')
    parser.add_argument('--format', choices=DRAW, default='gif', help='animation, or frames')
    parser.add_argument('--seed', type=int, help="of the augmentation; the config's by default")
    parser.add_argument('--epoch', type=int, default=0, help='whose augmentation is drawn')
    args = parser.parse_args()
    if args.number < 1:
        raise InputError(f'--number must be at least 1, got {args.number}')
    cfg = load_config(args)
    dataset = build_loader(cfg, LOADERS[args.loader]).dataset
    seed = args.seed if args.seed is not None else cfg.get('randomness', {}).get('seed') or 0

    layout = get_layout(dataset.mapping.layout if dataset.mapping else dataset.layout)
    modalities = {name: build_modality(name, layout) for name in modality_names(cfg)}
    number = min(args.number, len(dataset))
    chosen = np.unique(np.linspace(0, len(dataset) - 1, number).round().astype(int)).tolist()
    for index in track(chosen, description='drawing'):
        info = dataset.get_data_info(index)
        inputs = dataset[seed, args.epoch, index]['inputs']
        groups = inputs.values() if isinstance(inputs, Mapping) else [inputs]
        panels = []
        for view in (torch.as_tensor(view) for views in groups for view in views):
            seen = {name: modality(view).numpy() for name, modality in modalities.items()}
            panels.append(make_panels(view.numpy(), seen, layout))
        title = f'{info["frame_dir"]}, label {info["label"]}'
        name = re.sub(r'[^\w.-]+', '_', str(info['frame_dir']))
        DRAW[args.format](panels, title, args.out / f'{index:05d}_{name}.{args.format}')
    print(f'{len(chosen)} pictures in {args.out}')


def modality_names(cfg: Config) -> list[str]:
    """Return what the streams of a config's model see, each modality once."""
    streams = cfg.model.get('modalities', MODALITIES)
    if isinstance(streams, Mapping):
        streams = [stream.get('modality', name) for name, stream in streams.items()]
    return list(dict.fromkeys(streams))


if __name__ == '__main__':
    run(main)

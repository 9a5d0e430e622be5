"""Write the features of sequences to an npz file: one array per stream, labels and names."""

from pathlib import Path

from mmcmd.arguments import LOADERS
from mmcmd.cli import add_trust_option, data_parser, load_config, parse, run
from mmcmd.errors import InputError


def main() -> None:
    parser = data_parser('Write features (before the projection) of sequences to an npz file.')
    parser.add_argument(
        'checkpoint', help='checkpoint file, published folder, or its name on the hub'
    )
    parser.add_argument('--out', type=Path, required=True, help='file to write (.npz)')
    parser.add_argument(
        '--loader',
        choices=LOADERS,
        default='test',
        help='loader of the data; gallery: training split without augmentation; train: with it',
    )
    add_trust_option(parser)
    args = parse(parser)

    import numpy as np
    import torch

    from mmcmd.apis import build_loader, extract_features, init_model, loaders
    from mmcmd.apis.inference import sample_names
    from mmcmd.io.files import replace_file

    if args.out.suffix != '.npz':
        raise InputError(f'--out must end in .npz, got {args.out}')
    cfg = load_config(args)
    for part in loaders(cfg).values():
        part.dataset.pop('labelled', None)  # features need no labels
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = init_model(cfg, args.checkpoint, device)
    loader = build_loader(cfg, LOADERS[args.loader])
    features, labels = extract_features(model, loader)
    names = sample_names(loader)[: len(labels)]
    arrays = {name: rows.numpy() for name, rows in features.items()}
    with replace_file(args.out) as file:
        np.savez(file, **arrays, labels=labels.numpy(), names=np.array(names))
    shapes = ', '.join(f'{name} {rows.shape}' for name, rows in arrays.items())
    print(f'{args.out}: {shapes}, labels and names')


if __name__ == '__main__':
    run(main)

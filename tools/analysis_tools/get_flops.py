"""Print parameters and FLOPs of the encoders of a config, without data and weights."""

from mmcmd.cli import config_parser, load_config, parse, run
from mmcmd.errors import InputError


def main() -> None:
    parser = config_parser('Print parameters and FLOPs of the encoders of a config.')
    parser.add_argument(
        '--shape',
        nargs=4,
        type=int,
        metavar=('M', 'T', 'V', 'C'),
        help='persons, frames, joints and coordinates of a sequence (default: those of the config)',
    )
    args = parse(parser)

    from rich.table import Table

    from mmcmd.apis import init_model, loaders
    from mmcmd.models import StreamModel
    from mmcmd.reproduction.complexity import encoder_complexity, step_flops
    from mmcmd.skeletons import get_layout
    from mmcmd.terminal import get_console

    cfg = load_config(args)
    if 'model' not in cfg:
        raise InputError(f'{args.config} has no model')
    if args.shape is None:
        dataset = next((loader.dataset for loader in loaders(cfg).values()), {})
        backbone = cfg.model.get('backbone') or next(iter(cfg.model.modalities.values())).backbone
        args.shape = (
            backbone.get('num_person', 2),
            dataset.get('clip_len', 64),
            get_layout(cfg.model.get('layout', 'ntu')).num_joints,
            backbone.get('in_channels', 3),
        )
    if min(args.shape) < 1:
        raise InputError(f'--shape must be four positive numbers, got {args.shape}')

    model = init_model(cfg)
    encoders = encoder_complexity(model, args.shape)

    console = get_console()
    shape = ' x '.join(map(str, args.shape))
    console.print(f'one sequence, M x T x V x C = {shape}; a FLOP is one multiply-add')
    table = Table('encoder', 'parameters', 'FLOPs')
    for name, encoder in encoders.items():
        table.add_row(name, f'{encoder.params / 1e6:.3f} M', f'{encoder.flops / 1e9:.4f} G')
    console.print(table)
    if type(model).loss is not StreamModel.loss:
        console.print(
            f'training step: {step_flops(model, args.shape) / 1e9:.4f} G a sequence: its views in '
            'all encoders, forward and backward, with all that comes after them',
            soft_wrap=True,
        )


if __name__ == '__main__':
    run(main)

"""Run everything once on simulated data: make the data, pre-train, evaluate, draw figures.

Each step calls another tool. Steps that are already done are skipped.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmcmd.cli import parse, run
from mmcmd.reproduction.paper import MODALITIES, Cell
from mmcmd.reproduction.papers import TABLES
from mmcmd.reproduction.stages import Stage

if TYPE_CHECKING:
    from mmcmd.reproduction.runs import Reproduction

DATA = 'synthetic_xsub'
RECIPE, RECIPE_ENCODER = 'recipe', 'bigru_mean'
_BASELINES = TABLES['baselines']
# One more column: CMD with the recipe for small data, configs/recipes/small.py.
TABLE = replace(
    _BASELINES,
    title='Random encoders, MoCo, CMD, and the recipe for small data',
    columns=(*_BASELINES.columns, RECIPE),
    rows={
        label: [*row, Cell(RECIPE, row[0].protocol, row[0].stream, encoder=RECIPE_ENCODER)]
        for label, row in _BASELINES.rows.items()
    },
)
LABEL = 'SYNTHETIC stand-in data'
NOTE = 'No accuracy here says anything about real data.'
FIGURES = ('curves.png', 'tsne.png', 'confusion.png')


@dataclass(frozen=True)
class Budget:
    """Size of the data and length of the training."""

    name: str
    generate: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ()


FULL = Budget('demo')
SHORT = Budget(
    'demo-short',
    generate=('--subjects', '6', '--actions', '6', '--cameras', '2'),
    options=(
        'train_cfg.max_epochs=2',
        'train_cfg.val_interval=1',
        'param_scheduler=None',
        'train_dataloader.batch_size=8',
    ),
    recipe=('train_cfg.epoch_steps=3',),
)


def plan(budget: Budget, root: Path) -> tuple[list[Stage], 'Reproduction']:
    """Return the stages that make the data, and the runs on these data."""
    from mmcmd.reproduction.runs import Reproduction

    root = root / budget.name
    name = 'synthetic' if budget is FULL else f'synthetic-{budget.name}'
    skeletons, pickle = Path('data', name), Path('data', f'{name}.pkl')
    generate = Stage(
        'generate stand-in skeletons',
        ('tools/data/make_synthetic.py', str(skeletons), *budget.generate),
        work_dir=root / 'generate',
        product=skeletons / 'SYNTHETIC.txt',
    )
    convert = Stage(
        'convert skeletons',
        ('tools/data/convert.py', 'ntu', str(skeletons), '--out', str(pickle)),
        work_dir=root / 'convert',
        product=pickle,
        needs=[generate],
    )
    common = dict(data=DATA, ann_files={DATA: pickle}, needs=[convert])
    recipe = Reproduction(
        root=root / RECIPE,
        encoder=RECIPE_ENCODER,
        options=(*budget.options, *budget.recipe),
        **common,
    )
    reproduction = Reproduction(
        root=root, options=budget.options, others={RECIPE_ENCODER: recipe}, **common
    )
    return [generate, convert], reproduction


def draw(reproduction: 'Reproduction', out: Path) -> None:
    """Draw training curves, t-SNE of the features of CMD and MoCo, and a confusion matrix."""
    from mmcmd.apis import build_loader, init_model, predict_scores
    from mmcmd.reproduction.drawing import draw_features
    from mmcmd.synthetic import ACTIONS
    from mmcmd.visualization import draw_confusion, draw_curves

    panels = {
        'InfoNCE loss': [f'loss_{name}' for name in MODALITIES],
        'distillation loss': ['loss_cmd'],
        'KNN accuracy': ['knn/top1', 'knn/motion_top1', 'knn/bone_top1'],
    }
    runs = {name: reproduction.pretraining(name, 0).stage.work_dir for name in ('MoCo', 'CMD')}
    draw_curves(runs, panels, f'{LABEL}: pre-training', out / FIGURES[0])

    names = [action.name for action in ACTIONS]
    title = f'{LABEL}: t-SNE of test features'
    streams = ('joint', 'motion')
    draw_features(reproduction, ('MoCo', 'CMD'), streams, out / FIGURES[1], title, names)

    linear = reproduction.chain(Cell('CMD', 'linear', '3s'), 0)[-1]
    model = init_model(linear.config, linear.stage.product)
    scores, labels = predict_scores(model, build_loader(linear.config))
    predictions = sum(scores.values()).argmax(dim=1)
    title = f'{LABEL}: linear evaluation of CMD, 3 streams'
    names = names[: int(labels.max()) + 1]
    draw_confusion(predictions.numpy(), labels.numpy(), names, title, out / FIGURES[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--short', action='store_true', help='run for about a minute, only as a test'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs'), help='folder for the results'
    )
    parser.add_argument(
        '--jobs',
        type=int,
        help='number of parallel stages (default: number of GPUs, or of CPU cores)',
    )
    args = parse(parser)

    from mmcmd.reproduction import report
    from mmcmd.reproduction.launchers import LocalLauncher
    from mmcmd.reproduction.schedule import run_stages
    from mmcmd.terminal import get_console

    stages, reproduction = plan(SHORT if args.short else FULL, args.out)
    stages += [one.stage for one in reproduction.runs(TABLE)]
    run_stages(stages, LocalLauncher(args.jobs))

    console = get_console()
    out = reproduction.root / 'report'
    out.mkdir(parents=True, exist_ok=True)
    with console.status('drawing curves, t-SNE and confusion matrix'):
        draw(reproduction, out)
    records = reproduction.records(TABLE)
    pictures = '\n'.join(f'![{name}]({name})' for name in FIGURES)
    report.write(TABLE, records, DATA, 'small', out / 'report', f'{LABEL}. {NOTE}\n\n{pictures}')
    console.print(report.view(TABLE, records, DATA, f'{LABEL}. {NOTE}'))
    console.print(f'table and figures: {out.resolve()}', soft_wrap=True)


if __name__ == '__main__':
    run(main)

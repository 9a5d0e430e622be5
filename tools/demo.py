"""The main job from nothing: stand-in data, pre-training, evaluation, figures.

Every step is a call of another tool, which is printed; what is there already is not made again.
"""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from mmcmd.apis import build_loader, extract_features, init_model, predict_scores
from mmcmd.apis.cli import run
from mmcmd.apis.comparison import LINEAR, METHODS, ROWS, Comparison, cells, markdown
from mmcmd.apis.stages import Stage, run_stages
from mmcmd.datasets.synthetic import ACTIONS
from mmcmd.visualization import draw_confusion, draw_curves, draw_tsne

LABEL = 'SYNTHETIC stand-in data'
NOTE = 'No accuracy here says anything about real data. Last epoch, test subjects.'
FIGURES = ('curves.png', 'tsne.png', 'confusion.png')


@dataclass(frozen=True)
class Budget:
    """How much of the main job is done."""

    name: str
    generate: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


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
)


def plan(budget: Budget, root: Path) -> tuple[list[Stage], Comparison]:
    """Return the stages that make the data, and the comparison on them."""
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
    ann_file = None if budget is FULL else pickle
    comparison = Comparison('synthetic_xsub', root, (0,), ann_file, budget.options, needs=[convert])
    return [generate, convert], comparison


def draw(comparison: Comparison, out: Path) -> None:
    """Draw training curves, t-SNE of CMD's and the baseline's features, a confusion matrix."""
    modalities = ('joint', 'motion', 'bone')
    panels = {
        'InfoNCE loss': [f'loss_{name}' for name in modalities],
        'distillation loss': ['loss_cmd'],
        'KNN accuracy': ['knn/top1', 'knn/motion_top1', 'knn/bone_top1'],
    }
    runs = {method: stage.work_dir for (method, _), stage in comparison.pretrain.items()}
    draw_curves(runs, panels, f'{LABEL}: pre-training', out / FIGURES[0])

    names = [action.name for action in ACTIONS]
    features = {}
    for (method, _), stage in comparison.pretrain.items():
        config = comparison.config(METHODS[method])
        streams, labels = extract_features(init_model(config, stage.product), build_loader(config))
        for modality in modalities[:2]:
            unit = F.normalize(streams[modality], dim=1)
            features[f'{method}, {modality}'] = unit.numpy()
    title = f'{LABEL}: t-SNE of test features'
    draw_tsne(features, labels.numpy(), names, title, out / FIGURES[1])

    config = comparison.config(LINEAR)
    model = init_model(config, comparison.linear['CMD', 0].product)
    scores, labels = predict_scores(model, build_loader(config))
    predictions = sum(scores.values()).argmax(dim=1)
    title = f'{LABEL}: linear evaluation of CMD, 3 streams'
    names = names[: int(labels.max()) + 1]
    draw_confusion(predictions.numpy(), labels.numpy(), names, title, out / FIGURES[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--short', action='store_true', help='a minute, to see that it runs')
    parser.add_argument('--out', type=Path, default=Path('work_dirs'), help='where results go')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='stages at a time')
    args = parser.parse_args()

    stages, comparison = plan(SHORT if args.short else FULL, args.out)
    run_stages([*stages, *comparison.stages()], args.jobs)

    console = Console()
    out = comparison.root / 'report'
    out.mkdir(parents=True, exist_ok=True)
    with console.status('drawing curves, t-SNE and confusion matrix'):
        draw(comparison, out)
    accuracies = comparison.accuracies()
    pictures = '\n'.join(f'![{name}]({name})' for name in FIGURES)
    report = f'# mmcmd demo: {LABEL}\n\n{NOTE}\n\n{markdown(accuracies)}\n{pictures}\n'
    (out / 'report.md').write_text(report)
    (out / 'report.json').write_text(json.dumps(accuracies, indent=2) + '\n')

    view = Table('top-1, %', *accuracies, title=LABEL, caption=NOTE)
    for label, metric in ROWS.items():
        view.add_row(label, *cells(accuracies, metric))
    console.print(view)
    console.print(f'table and figures: {out.resolve()}', soft_wrap=True)


if __name__ == '__main__':
    run(main)

"""The main job from nothing: stand-in data, pre-training, evaluation, figures.

Every step is a call of another tool, which is printed; what is there already is not made again.
"""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mmcmd.apis import build_loader, extract_features, init_model, predict_scores
from mmcmd.apis.cli import run
from mmcmd.apis.stages import Stage, run_stages, training_progress
from mmcmd.datasets.synthetic import ACTIONS
from mmcmd.visualization import draw_confusion, draw_curves, draw_tsne

CMD, MOCO, LINEAR = (
    'configs/cmd/cmd_bigru_synthetic_xsub.py',
    'configs/moco/moco3s_bigru_synthetic_xsub.py',
    'configs/benchmarks/linear/linear_bigru_synthetic_xsub.py',
)
MODALITIES = ('joint', 'motion', 'bone')
LABEL = 'SYNTHETIC stand-in data'


@dataclass(frozen=True)
class Budget:
    """How much of the main job is done."""

    name: str
    generate: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()


FULL = Budget('demo')
SHORT = Budget(
    'demo-short',
    generate=('--subjects', '6', '--actions', '6', '--cameras', '2'),
    overrides=(
        'train_cfg.max_epochs=2',
        'train_cfg.val_interval=1',
        'param_scheduler=None',
        'train_dataloader.batch_size=8',
    ),
)


class Demo:
    """The stages of the main job and where they put what they make."""

    def __init__(self, budget: Budget, root: Path) -> None:
        self.budget = budget
        self.root = root / budget.name
        source = 'synthetic' if budget is FULL else f'synthetic-{budget.name}'
        self.skeletons, self.pickle = Path('data', source), Path('data', f'{source}.pkl')
        self.generate = Stage(
            'generate stand-in skeletons',
            ('tools/data/make_synthetic.py', str(self.skeletons), *budget.generate),
            work_dir=self.root / 'generate',
            product=self.skeletons / 'SYNTHETIC.txt',
        )
        self.convert = Stage(
            'convert skeletons',
            ('tools/data/convert.py', 'ntu', str(self.skeletons), '--out', str(self.pickle)),
            work_dir=self.root / 'convert',
            product=self.pickle,
            needs=[self.generate],
        )
        self.pretrain = {
            'MoCo': self.train('pre-train MoCo (no distillation)', MOCO, 'moco'),
            'CMD': self.train('pre-train CMD', CMD, 'cmd'),
        }
        self.random = self.test_random()
        self.linear = {
            'random': self.train('linear evaluation, random encoder', LINEAR, 'linear-random'),
            'MoCo': self.train('linear evaluation, MoCo', LINEAR, 'linear-moco', 'MoCo'),
            'CMD': self.train('linear evaluation, CMD', LINEAR, 'linear-cmd', 'CMD'),
        }

    def data_options(self, config: Config) -> list[str]:
        """Point every loader of a config at this budget's data."""
        loaders = ['train_dataloader', 'val_dataloader', 'test_dataloader']
        loaders += [
            f'{name}.gallery_dataloader'
            for name in ('val_cfg', 'test_cfg')
            if 'gallery_dataloader' in config[name]
        ]
        return [f'{loader}.dataset.ann_file={self.pickle}' for loader in loaders]

    def options(self, config: Config) -> list[str]:
        """Return what this budget overrides in a config."""
        return [] if self.budget is FULL else self.data_options(config) + [*self.budget.overrides]

    def train(self, title: str, path: str, name: str, encoder: str | None = None) -> Stage:
        """Return the stage that trains what a config says."""
        config, work_dir = Config.fromfile(path), self.root / name
        options, needs = self.options(config), [self.convert]
        if path == LINEAR:
            pretrained = 'random'
            if encoder:
                needs = [self.pretrain[encoder]]
                pretrained = needs[0].product
            options = [f'model.pretrained={pretrained}', *options]
        command = ['tools/train.py', path, '--work-dir', str(work_dir), '--resume']
        if options:
            command += ['--cfg-options', *options]
            config.merge_from_dict(dict(train_cfg=dict(self.short_train_cfg(options))))
        epochs = config.train_cfg.max_epochs
        return Stage(
            title,
            command,
            work_dir=work_dir,
            product=work_dir / f'epoch_{epochs}.pth',
            needs=needs,
            progress=training_progress(work_dir, epochs),
        )

    @staticmethod
    def short_train_cfg(options: list[str]) -> dict[str, int]:
        """Read the overrides of ``train_cfg`` back."""
        pairs = (option.split('=', 1) for option in options if option.startswith('train_cfg.'))
        return {key.removeprefix('train_cfg.'): int(value) for key, value in pairs}

    def test_random(self) -> Stage:
        """Return the stage that evaluates encoders as they are initialised."""
        work_dir = self.root / 'random'
        command = ['tools/test.py', CMD, '--work-dir', str(work_dir)]
        options = self.options(Config.fromfile(CMD))
        return Stage(
            'nearest neighbours, random encoder',
            command + (['--cfg-options', *options] if options else []),
            work_dir=work_dir,
            product=work_dir / 'results.json',
            needs=[self.convert],
        )

    def stages(self) -> list[Stage]:
        """List all stages."""
        pretrain, linear = self.pretrain.values(), self.linear.values()
        return [self.generate, self.convert, *pretrain, self.random, *linear]

    def accuracies(self) -> dict[str, dict[str, float]]:
        """Collect the last accuracies: method to metric to value."""
        table = {}
        for method in ('random', 'MoCo', 'CMD'):
            folder = self.pretrain[method].work_dir if method in self.pretrain else None
            table[method] = {}
            for path in (folder or self.random.work_dir, self.linear[method].work_dir):
                results = json.loads((path / 'results.json').read_text())
                table[method].update({name: entry['last'] for name, entry in results.items()})
        return table

    def draw(self, out: Path) -> None:
        """Draw training curves, t-SNE of CMD's and the baseline's features, a confusion matrix."""
        runs = {name: stage.work_dir for name, stage in self.pretrain.items()}
        panels = {
            'InfoNCE loss': [f'loss_{name}' for name in MODALITIES],
            'distillation loss': ['loss_cmd'],
            'KNN accuracy': ['knn/top1', 'knn/motion_top1', 'knn/bone_top1'],
        }
        draw_curves(runs, panels, f'{LABEL}: pre-training', out / 'curves.png')

        names = [action.name for action in ACTIONS]
        features = {}
        for method, path in (('MoCo', MOCO), ('CMD', CMD)):
            config = self.config(path)
            model = init_model(config, self.pretrain[method].product)
            streams, labels = extract_features(model, build_loader(config))
            for modality in MODALITIES[:2]:
                unit = F.normalize(streams[modality], dim=1).numpy()
                features[f'{method}, {modality}'] = unit
        title = f'{LABEL}: t-SNE of test features'
        draw_tsne(features, labels.numpy(), names, title, out / 'tsne.png')

        config = self.config(LINEAR)
        model = init_model(config, self.linear['CMD'].product)
        scores, labels = predict_scores(model, build_loader(config))
        predictions = sum(scores.values()).argmax(dim=1)
        used = names[: int(labels.max()) + 1]
        title = f'{LABEL}: linear evaluation of CMD, 3 streams'
        draw_confusion(predictions.numpy(), labels.numpy(), used, title, out / 'confusion.png')

    def config(self, path: str) -> Config:
        """Load a config with this budget's data."""
        config = Config.fromfile(path)
        if self.budget is not FULL:
            options = (option.split('=', 1) for option in self.data_options(config))
            config.merge_from_dict(dict(options))
        return config


def markdown(table: dict[str, dict[str, float]], rows: list[tuple[str, str]]) -> str:
    """Format the accuracies, a column a method."""
    lines = [
        f'# mmcmd demo: {LABEL}',
        '',
        'No accuracy here says anything about real data. Last epoch, test subjects, top-1 in %.',
        '',
        '| | ' + ' | '.join(table) + ' |',
        '| --- |' + ' ---: |' * len(table),
        *(
            f'| {label} | ' + ' | '.join(f'{100 * x[key]:.1f}' for x in table.values()) + ' |'
            for label, key in rows
        ),
        '',
        '![training curves](curves.png)',
        '![t-SNE](tsne.png)',
        '![confusion matrix](confusion.png)',
    ]
    return '\n'.join(lines) + '\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--short', action='store_true', help='a minute, to see that it runs')
    parser.add_argument('--out', type=Path, default=Path('work_dirs'), help='where results go')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='stages at a time')
    args = parser.parse_args()

    console = Console()
    demo = Demo(SHORT if args.short else FULL, args.out)
    run_stages(demo.stages(), jobs=args.jobs)

    out = demo.root / 'report'
    out.mkdir(parents=True, exist_ok=True)
    streams = [('joint', 'top1'), ('motion', 'motion_top1'), ('bone', 'bone_top1')]
    streams.append(('3 streams', '3s_top1'))
    rows = [
        (f'{protocol}, {stream}', f'{prefix}/{key}')
        for protocol, prefix in (('KNN', 'knn'), ('linear', 'acc'))
        for stream, key in streams
    ]
    table = demo.accuracies()
    with console.status('drawing curves, t-SNE and confusion matrix'):
        demo.draw(out)
    (out / 'report.md').write_text(markdown(table, rows))
    (out / 'report.json').write_text(json.dumps(table, indent=2) + '\n')

    view = Table('top-1, %', *table, title=f'{LABEL}: says nothing about real data')
    for label, key in rows:
        view.add_row(label, *(f'{100 * x[key]:.1f}' for x in table.values()))
    console.print(view)
    console.print(f'table and figures: {out.resolve()}', soft_wrap=True)


if __name__ == '__main__':
    run(main)

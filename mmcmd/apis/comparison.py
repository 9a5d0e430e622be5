"""Random encoders, MoCo and CMD trained and evaluated alike, over seeds: stages and their table."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from mmcmd.apis.cli import set_ann_file
from mmcmd.apis.stages import Stage, training_progress

METHODS = {'MoCo': 'configs/moco/moco3s_bigru_{}.py', 'CMD': 'configs/cmd/cmd_bigru_{}.py'}
LINEAR = 'configs/benchmarks/linear/linear_bigru_{}.py'
ROWS = {
    f'{protocol}, {stream}': f'{prefix}/{key}top1'
    for protocol, prefix in (('KNN', 'knn'), ('linear', 'acc'))
    for stream, key in (('joint', ''), ('motion', 'motion_'), ('bone', 'bone_'), ('3s', '3s_'))
}

Accuracies = Mapping[str, Mapping[str, Sequence[float]]]
"""Method to metric to one value a seed, of the last epoch."""


@dataclass
class Comparison:
    """The stages of a comparison and where they put what they make.

    Attributes:
        data (str): Data set and split as in the configs' names, such as ``bandai2_xstyle``.
        root (Path): Folder of all work dirs.
        seeds (Sequence[int]): Every method is trained with each.
        ann_file (Path, optional): Pickle of the data, where it is not the configs'.
        options (Sequence[str]): ``key=value`` overrides of every config.
        needs (Sequence[Stage]): Stages before all these.
    """

    data: str
    root: Path
    seeds: Sequence[int] = (0,)
    ann_file: Path | None = None
    options: Sequence[str] = ()
    needs: Sequence[Stage] = ()
    pretrain: dict[tuple[str, int], Stage] = field(init=False)
    random: dict[int, Stage] = field(init=False)
    linear: dict[tuple[str, int], Stage] = field(init=False)

    def __post_init__(self) -> None:
        self.pretrain = {
            (method, seed): self._train(f'pre-train {method}', path, method, seed)
            for seed in self.seeds
            for method, path in METHODS.items()
        }
        self.random = {seed: self._test_random(seed) for seed in self.seeds}
        self.linear = {
            (method, seed): self._train(
                f'linear evaluation, {method}',
                LINEAR,
                f'linear-{method}',
                seed,
                self.pretrain.get((method, seed)),
            )
            for seed in self.seeds
            for method in ('random', *METHODS)
        }

    def stages(self) -> list[Stage]:
        """List all stages of this comparison."""
        return [*self.pretrain.values(), *self.random.values(), *self.linear.values()]

    def config(self, path: str) -> Config:
        """Load a config for this comparison's data, without the overrides."""
        config = Config.fromfile(path.format(self.data))
        if self.ann_file is not None:
            set_ann_file(config, self.ann_file)
        return config

    def accuracies(self) -> Accuracies:
        """Read the last accuracies of the finished stages."""
        table: dict[str, dict[str, list[float]]] = {}
        for (method, seed), linear in self.linear.items():
            knn = self.pretrain.get((method, seed), self.random[seed])
            for stage in (knn, linear):
                results = json.loads((stage.work_dir / 'results.json').read_text())
                for metric, entry in results.items():
                    table.setdefault(method, {}).setdefault(metric, []).append(entry['last'])
        return table

    @property
    def _data(self) -> list[str]:
        return [] if self.ann_file is None else ['--ann-file', str(self.ann_file)]

    def _train(
        self, title: str, path: str, name: str, seed: int, encoder: Stage | None = None
    ) -> Stage:
        config, work_dir = self.config(path), self.root / f'{name.lower()}-seed{seed}'
        options = [*self.options]
        if path == LINEAR:
            options.insert(0, f'model.pretrained={encoder.product if encoder else "random"}')
        epochs = config.train_cfg.max_epochs
        for option in self.options:
            if option.startswith('train_cfg.max_epochs='):
                epochs = int(option.split('=')[1])
        command = [
            *('tools/train.py', path.format(self.data)),
            *('--work-dir', str(work_dir), '--seed', str(seed), '--resume', *self._data),
            *(('--cfg-options', *options) if options else ()),
        ]
        return Stage(
            f'{title}, seed {seed}',
            command,
            work_dir=work_dir,
            product=work_dir / f'epoch_{epochs}.pth',
            recipe=config.pretty_text,
            needs=[encoder] if encoder else self.needs,
            progress=training_progress(work_dir, epochs),
        )

    def _test_random(self, seed: int) -> Stage:
        path, work_dir = METHODS['CMD'], self.root / f'random-seed{seed}'
        command = ['tools/test.py', path.format(self.data), '--work-dir', str(work_dir)]
        return Stage(
            f'nearest neighbours, random, seed {seed}',
            [*command, *self._data, '--cfg-options', f'randomness.seed={seed}'],
            work_dir=work_dir,
            product=work_dir / 'results.json',
            recipe=self.config(path).pretty_text,
            needs=self.needs,
        )


def cells(accuracies: Accuracies, metric: str) -> list[str]:
    """Format one metric of every method in percent: mean, and spread over several seeds."""
    texts = []
    for metrics in accuracies.values():
        values = [100 * value for value in metrics[metric]]
        spread = f' ± {statistics.stdev(values):.1f}' if len(values) > 1 else ''
        texts.append(f'{statistics.mean(values):.1f}{spread}')
    return texts


def markdown(accuracies: Accuracies) -> str:
    """Format the accuracies as a Markdown table, a column a method."""
    lines = [
        '| top-1, % | ' + ' | '.join(accuracies) + ' |',
        '| --- |' + ' ---: |' * len(accuracies),
        *(
            f'| {label} | ' + ' | '.join(cells(accuracies, metric)) + ' |'
            for label, metric in ROWS.items()
        ),
    ]
    return '\n'.join(lines) + '\n'

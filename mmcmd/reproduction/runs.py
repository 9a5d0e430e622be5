"""From the paper's tables to runs and back: which stages a table needs, and what they gave."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmcmd.apis import set_dataset
from mmcmd.cli import parse_options
from mmcmd.errors import InputError
from mmcmd.io.files import file_hash
from mmcmd.reproduction.paper import METHODS, PROTOCOLS, TARGETS, Cell, Table
from mmcmd.reproduction.stages import Stage, training_progress

PRETRAINING = 'configs/cmd/cmd_{encoder}_{data}.py'
# What a run of the paper's size becomes for a CPU. Configs of small data are small by themselves.
SMALL = {
    'pretraining': (
        *('model.head.queue_size=1024', 'model.distill_head.topk=512', 'model.momentum=0.01'),
        *('optim_wrapper.optimizer._delete_=True', 'optim_wrapper.optimizer.type=Adam'),
        *('optim_wrapper.optimizer.lr=0.002', 'optim_wrapper.optimizer.weight_decay=1e-5'),
        *('train_cfg.max_epochs=18', 'train_cfg.val_interval=6'),
        'param_scheduler.0.milestones=[15]',
    ),
    'evaluation': (
        *('train_cfg.max_epochs=15', 'train_cfg.val_interval=5'),
        'param_scheduler.0.milestones=[10,13]',
    ),
    'bigru': (
        *('model.backbone.hidden_size=128', 'model.backbone.mode=bidirectional'),
        'model.backbone.readout=ends',
    ),
}


@dataclass
class Run:
    """A stage and the config that it runs.

    Attributes:
        stage (Stage): A call of a tool.
        config (Config): With all overrides.
    """

    stage: Stage
    config: Config

    @property
    def epochs(self) -> int:
        """Epochs that are trained; 0 where nothing is."""
        return self.config.train_cfg.max_epochs if self.stage.product.suffix == '.pth' else 0

    def read(self, metric: str, seed: int) -> dict[str, Any]:
        """Return what the run gave for a metric, in percent, and where it comes from."""
        entry = json.loads((self.stage.work_dir / 'results.json').read_text())[metric]
        return dict(
            seed=seed,
            last=100 * entry['last'],
            best=100 * entry['best'],
            best_epoch=entry['best_epoch'],
            config=self.stage.command[1],
            command=f'python {" ".join(self.stage.command)}',
            epochs=self.epochs,
            checkpoint=file_hash(self.stage.product) if self.epochs else None,
            seconds=self.stage.seconds,
        )


@dataclass
class Reproduction:
    """The runs behind the tables of one data set; what tables share runs once.

    Attributes:
        data (str): Data set and split as in the configs' names, such as ``'bandai2_xstyle'``.
        root (Path): Folder of all work dirs.
        seeds (Sequence[int]): Every run is done with each. Defaults to 0 alone.
        budget (str): ``'paper'``: configs as they are; ``'small'``: shrunk for a CPU.
        encoder (str): As in the configs' names. Defaults to ``'bigru'``.
        ann_files (Mapping[str, Path]): Data set and split to a pickle, where it is not the
            configs'.
        options (Sequence[str]): ``key=value`` overrides of every run.
        needs (Sequence[Stage]): Stages before all these.
    """

    data: str
    root: Path
    seeds: Sequence[int] = (0,)
    budget: str = 'small'
    encoder: str = 'bigru'
    ann_files: Mapping[str, Path] = field(default_factory=dict)
    options: Sequence[str] = ()
    needs: Sequence[Stage] = ()
    _runs: dict[Path, Run] = field(default_factory=dict, repr=False)

    def runs(self, table: Table) -> list[Run]:
        """List the runs that a table needs, pre-training before evaluation, seed by seed.

        Raises:
            InputError: If there is no config for one of them.
        """
        found = {}
        for seed in self.seeds:
            for cell in table.cells:
                found |= {run.stage.work_dir: run for run in self.chain(cell, seed)}
        return list(found.values())

    def chain(self, cell: Cell, seed: int) -> list[Run]:
        """Return the runs of one number; the last one's ``results.json`` holds it."""
        pretraining = self.pretraining(cell.method, seed)
        if cell.protocol == 'knn':
            return [pretraining]
        evaluation = self._evaluation(cell, seed, pretraining)
        return [pretraining, evaluation] if METHODS[cell.method].trained else [evaluation]

    def pretraining(self, name: str, seed: int) -> Run:
        """Return the pre-training of a method; of an untrained one its nearest neighbours."""
        method, path = METHODS[name], PRETRAINING.format(encoder=self.encoder, data=self.data)
        small = self._small(path, 'pretraining')
        queue_size = self._config(path, self.data, small).model.head.queue_size
        options = [*small, *method.options(queue_size)]
        title = f'pre-train {name}' if method.trained else f'nearest neighbours, {name}'
        work_dir = self.root / f'{slug(name)}-seed{seed}'
        return self._run(
            title, path, options, work_dir, seed, self.needs, self.data, method.trained
        )

    def _evaluation(self, cell: Cell, seed: int, pretraining: Run) -> Run:
        method, (path, extra) = METHODS[cell.method], PROTOCOLS[cell.protocol]
        target = TARGETS.get(self.data) if cell.protocol == 'transfer' else self.data
        if target is None:
            raise InputError(
                f'{self.data} is transferred to no other data set; sources are '
                f'{", ".join(TARGETS)} (mmcmd/reproduction/paper.py)'
            )
        path = path.format(encoder=self.encoder, data=self.data, target=target)
        encoder = pretraining.stage.product if method.trained else 'random'
        options = [f'model.pretrained={encoder}', *self._small(path, 'evaluation'), *extra]
        options += [x for x in method.options(1) if x.startswith('model.modalities=')]
        if cell.protocol.startswith('semi'):
            options.append(f'train_dataloader.dataset.subset.seed={seed}')
        work_dir = self.root / f'{slug(cell.method)}-{cell.protocol}-seed{seed}'
        needs = [pretraining.stage] if method.trained else self.needs
        return self._run(
            f'{cell.protocol}, {cell.method}', path, options, work_dir, seed, needs, target
        )

    def _run(
        self,
        title: str,
        path: str,
        options: Sequence[str],
        work_dir: Path,
        seed: int,
        needs: Sequence[Stage],
        data: str,
        trained: bool = True,
    ) -> Run:
        if work_dir in self._runs:
            return self._runs[work_dir]
        options = [*options, *self.options]
        config = self._config(path, data, options)
        pickle = self.ann_files.get(data)
        command = [path, '--work-dir', str(work_dir)]
        command += [] if pickle is None else ['--ann-file', str(pickle)]
        if trained:
            epochs = config.train_cfg.max_epochs
            product, progress = f'epoch_{epochs}.pth', training_progress(work_dir, epochs)
            command = ['tools/train.py', *command, '--seed', str(seed), '--resume']
        else:
            product, progress = 'results.json', None
            command = ['tools/test.py', *command]
            options = [*options, f'randomness.seed={seed}']
        stage = Stage(
            f'{title}, seed {seed}',
            command + (['--cfg-options', *options] if options else []),
            work_dir=work_dir,
            product=work_dir / product,
            recipe=config.pretty_text,
            needs=needs,
            progress=progress,
        )
        self._runs[work_dir] = Run(stage, config)
        return self._runs[work_dir]

    def _config(self, path: str, data: str, options: Sequence[str] = ()) -> Config:
        """Load a config as the stage that runs it will."""
        if not Path(path).is_file():
            raise InputError(f'there is no config {path} for {data}')
        config = deepcopy(_read(path))
        if data in self.ann_files:
            set_dataset(config, ann_file=str(self.ann_files[data]))
        config.merge_from_dict(parse_options(options))
        return config

    def _small(self, path: str, kind: str) -> tuple[str, ...]:
        """Return the overrides that make a config small, where it is not."""
        if self.budget != 'small' or self._config(path, self.data).budget == 'small':
            return ()
        return (*SMALL[kind], *SMALL.get(self.encoder, ()))

    def records(self, table: Table) -> dict[str, list[dict[str, Any] | None]]:
        """Read what is there: row to, for each column, the paper's number and the finished runs.

        Returns:
            dict: Label to records ``dict(method, protocol, metric, paper, runs)``, None where the
            table has no number; ``runs`` as :meth:`Run.read` gives them, one a finished seed.
        """
        return {
            label: [cell and self._record(cell) for cell in row]
            for label, row in table.rows.items()
        }

    def _record(self, cell: Cell) -> dict[str, Any]:
        chains = {seed: self.chain(cell, seed) for seed in self.seeds}
        return dict(
            method=cell.method,
            protocol=cell.protocol,
            metric=cell.metric,
            paper=cell.paper,
            runs=[
                chain[-1].read(cell.metric, seed)
                for seed, chain in chains.items()
                if all(run.stage.finished for run in chain)
            ],
        )


@lru_cache
def _read(path: str) -> Config:
    return Config.fromfile(path)


def slug(name: str) -> str:
    """Return a method's name as a folder can be called."""
    for text, plain in (('<->', '-with-'), ('<-', '-from-'), (', ', '+'), (' ', '-')):
        name = name.replace(text, plain)
    return name.lower()


def datasets(name: str) -> list[str]:
    """List the data sets and splits that a name stands for, ``ntu60`` for all its splits.

    Raises:
        InputError: If there is none.
    """
    known = sorted(path.stem for path in Path('configs/_base_/datasets').glob('*.py'))
    found = [x for x in known if name in (x, x.rsplit('_', 1)[0])]
    if not found:
        raise InputError(f'there is no data set {name!r}; data sets are {", ".join(known)}')
    return found

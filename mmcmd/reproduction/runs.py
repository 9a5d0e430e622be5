"""Plan the runs that a table needs, and read their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.apis import load_config
from mmcmd.cli import parse_options
from mmcmd.engine.hooks.results_hook import TEST_RESULTS
from mmcmd.errors import InputError
from mmcmd.reproduction.clock import Clock, Steps
from mmcmd.reproduction.names import slug
from mmcmd.reproduction.paper import UNTRAINED, Cell, Table
from mmcmd.reproduction.papers import get_method
from mmcmd.reproduction.protocols import KNN, PROTOCOLS, cached_crops
from mmcmd.reproduction.run import Run
from mmcmd.reproduction.stages import Stage, training_progress


@dataclass
class Reproduction:
    """The runs for the tables of one data set. A run that several tables need exists once.

    Attributes:
        data (str): Data set and split, a name in ``configs/_base_/datasets``.
        root (Path): Folder of all work dirs.
        seeds (Sequence[int]): Seeds of every run. Defaults to (0,).
        budget (str): ``'paper'`` uses the unchanged configs, ``'small'`` uses smaller ones for a
            CPU. Defaults to ``'small'``.
        encoder (str): A name in ``configs/_base_/encoders``. Defaults to ``'bigru'``.
        ann_files (Mapping[str, Path]): Maps data set and split to an annotation file that replaces
            the one in the config.
        options (Sequence[str]): ``KEY=VALUE`` overrides of every training.
        needs (Sequence[Stage]): Stages that must be finished before all runs.
        clip_len (int, optional): Number of frames of the clips of all encoders. Defaults to the
            number in the config of each run.
        clock (Clock | Steps, optional): Sets the number of epochs of pre-trainings and supervised
            trainings: what fits into some minutes, or some steps. Defaults to the epochs in their
            configs.
        crops (int, optional): Number of crops of each training sequence that a linear evaluation
            encodes once, if its config encodes a new crop in each epoch. Defaults to the way of
            the config.
        others (Mapping[str, Reproduction]): Reproductions with other encoders, by the name of the
            encoder. They run the cells of a table that have this encoder. By default, this
            reproduction runs all cells.
        held_out (Mapping[str, str | int]): Argument ``select`` or ``without`` of
            :func:`mmcmd.apis.load_config` for all runs. Defaults to none.
    """

    data: str
    root: Path
    seeds: Sequence[int] = (0,)
    budget: str = 'small'
    encoder: str = 'bigru'
    ann_files: Mapping[str, Path] = field(default_factory=dict)
    options: Sequence[str] = ()
    needs: Sequence[Stage] = ()
    clip_len: int | None = None
    clock: Clock | Steps | None = None
    crops: int | None = None
    others: Mapping[str, 'Reproduction'] = field(default_factory=dict, repr=False)
    held_out: Mapping[str, str | int] = field(default_factory=dict)
    _runs: dict[Path, Run] = field(default_factory=dict, repr=False)

    def runs(self, table: Table) -> list[Run]:
        """List the runs of a table, seed by seed, with pre-trainings before evaluations.

        Raises:
            InputError: If one of the runs has no config.
        """
        chains = [self.chain(cell, seed) for seed in self.seeds for cell in table.cells]
        return list({run.stage.work_dir: run for chain in chains for run in chain}.values())

    def chain(self, cell: Cell, seed: int) -> list[Run]:
        """Return the runs of one cell. The number is in the results of the last run."""
        other = self.others.get(cell.encoder, self)
        if other is not self:
            return other.chain(cell, seed)
        *before, source = self.pretrainings(cell.method, seed)
        if cell.protocol == KNN:
            return [*before, source]
        evaluation = self._evaluation(cell, seed, source)
        needed = source.stage in evaluation.stage.needs
        return [*before, source, evaluation] if needed else [evaluation]

    def pretrainings(self, name: str, seed: int) -> list[Run]:
        """Return the pre-training of a method, after the one that it starts from, if any."""
        start = get_method(name).start
        before = self.pretrainings(start, seed) if start else []
        return [*before, self.pretraining(name, seed)]

    def pretraining(self, name: str, seed: int) -> Run:
        """Return the pre-training of a method, or the KNN test of an untrained encoder."""
        method = get_method(name)
        path = method.configs.get(self.data, method.config)
        arguments = self._arguments(self.data, method.encoder or self.encoder)
        options = method.options
        if callable(options):
            options = options(load_config(path, **arguments))
        start = self.pretraining(method.start, seed).stage if method.start else None
        trained, options = path != UNTRAINED, [*options, *self._clips(arguments)]
        return self._run(
            *(name, path, arguments, options, seed, self.needs),
            trained=trained,
            timed=trained,
            start=start,
        )

    def _evaluation(self, cell: Cell, seed: int, source: Run) -> Run:
        protocol = PROTOCOLS[cell.protocol]
        data = self.data if protocol.targets is None else protocol.targets.get(self.data)
        if data is None:
            raise InputError(
                f'{self.data} has no target data set for a transfer; give one of '
                f'{", ".join(protocol.targets)}, or add a target in '
                'mmcmd/reproduction/protocols.py'
            )
        options = [option.format(seed=seed) for option in protocol.options]
        encoder = None if protocol.tested else get_method(cell.method).encoder or self.encoder
        arguments = self._arguments(data, encoder)
        needs, description = self.needs, None
        if source.epochs and protocol.pretrained:
            needs, description = [source.stage], source.description
            name = 'checkpoint' if protocol.tested else 'pretrained'
            arguments = self._arguments(data) | {name: str(source.stage.product)}
        elif protocol.pretrained:
            arguments['pretrained'] = 'random'
        if not description and not protocol.tested:
            options += self._clips(arguments)
        title = f'{cell.method}, {cell.protocol}'
        if self.crops is not None:
            changed = parse_options(options)
            config = load_config(
                protocol.config, **arguments, description=description, options=changed
            )
            if config.model.get('frozen') and config.train_cfg.type != 'CachedFeatureLoop':
                options += cached_crops(self.crops)
                title += f', {self.crops} crops'
        return self._run(
            *(title, protocol.config, arguments, options, seed, needs),
            description=description,
            trained=not protocol.tested,
            timed=protocol.timed,
        )

    def _clips(self, arguments: Mapping[str, str]) -> list[str]:
        """Return the overrides for the number of frames, for an encoder without a checkpoint."""
        if self.clip_len is None:
            return []
        # The size of these encoders depends on the number of frames.
        sized = arguments['encoder'] in ('raw', 'transformer', 'rotary', 'dste', 'sttr')
        names = ['clip_len', *(['model.backbone.clip_len'] if sized else [])]
        return [f'{name}={self.clip_len}' for name in names]

    def _arguments(self, data: str, encoder: str | None = None) -> dict[str, Any]:
        """Return the arguments of a tool and of :func:`load_config`."""
        arguments = {'data': data, 'encoder': encoder, 'budget': self.budget, **self.held_out}
        if data in self.ann_files:
            arguments['ann_file'] = str(self.ann_files[data])
        return {name: value for name, value in arguments.items() if value is not None}

    def _run(
        self,
        title: str,
        path: str,
        arguments: Mapping[str, Any],
        options: Sequence[str],
        seed: int,
        needs: Sequence[Stage],
        description: Mapping[str, Any] | None = None,
        trained: bool = True,
        timed: bool = False,
        start: Stage | None = None,
    ) -> Run:
        work_dir = self.root / f'{slug(title)}-seed{seed}'
        if work_dir in self._runs:
            return self._runs[work_dir]
        options = [*options, *(self.options if trained else [f'randomness.seed={seed}'])]
        clock = self.clock if timed else None
        if clock is not None:
            options += clock.options(title, path, arguments, options, needs)
        if start is not None:  # the initial weights do not change the speed
            options.append(f'model.encoder_from={start.product}')
            needs = [*needs, start]
        config = load_config(
            path, **arguments, description=description, options=parse_options(options)
        )
        command = ['tools/train.py' if trained else 'tools/test.py', path]
        named = {**arguments, 'work_dir': str(work_dir)}
        if checkpoint := named.pop('checkpoint', None):
            command.append(checkpoint)
        for name, value in named.items():
            command += [f'--{name.replace("_", "-")}', str(value)]
        product, progress = TEST_RESULTS, None
        if trained:
            command += ['--seed', str(seed), '--resume']
            epochs = config.train_cfg.max_epochs
            product, progress = f'epoch_{epochs}.pth', training_progress(work_dir, epochs)
        stage = Stage(
            ', '.join([title, *self._held_out_in_words(), f'seed {seed}']),
            command + (['--cfg-options', *options] if options else []),
            work_dir=work_dir,
            product=work_dir / product,
            recipe=config.pretty_text,
            needs=needs,
            progress=progress,
        )
        self._runs[work_dir] = Run(stage, config, clock and clock.minutes)
        return self._runs[work_dir]

    def _held_out_in_words(self) -> list[str]:
        return [f'{name} {value}' for name, value in self.held_out.items()]

    @property
    def note(self) -> str:
        """Note for the report, if the numbers are not measured on the test split."""
        if 'select' not in self.held_out:
            return ''
        return (
            f'Measured on a part of the training subjects (fold {self.held_out["select"]}), which '
            'was not used for training. The test split was not used.\n'
        )

    def records(self, table: Table) -> dict[str, list[dict[str, Any] | None]]:
        """Read the published numbers and the results of finished runs, row by row.

        Returns:
            dict: Maps the label of a row to its records ``dict(method, protocol, metric, paper,
            source, runs)``. A record is None if the cell is empty. ``runs`` holds the result of
            :meth:`Run.read` for each finished seed. A number that cannot be run has a ``reason``.
        """
        return {
            label: [cell and self._record(cell) for cell in row]
            for label, row in table.rows.items()
        }

    def predictions(self, cell: Cell) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Read the predictions of the finished runs of a cell.

        Returns:
            dict: Maps each seed to predicted and true classes, each (N,). Seeds without stored
            predictions are missing: their run is not finished, or was finished by an older version.
        """
        chains = {seed: self.chain(cell, seed) for seed in self.seeds}
        return {
            seed: found
            for seed, chain in chains.items()
            if all(run.stage.finished for run in chain)
            if (found := chain[-1].predictions(cell.stream)) is not None
        }

    def _record(self, cell: Cell) -> dict[str, Any]:
        paper = cell.paper.get(self.data)
        record = dict(
            method=cell.method,
            protocol=cell.protocol,
            metric=None,
            paper=paper,
            source=cell.source if paper is not None else None,
        )
        if not cell.can_run:
            return record | dict(reason=cell.reason, runs=[])
        chains = {seed: self.chain(cell, seed) for seed in self.seeds}
        metric = _metric(cell, next(iter(chains.values()))[-1].streams)
        return record | dict(
            metric=metric,
            runs=[
                chain[-1].read(metric, seed)
                for seed, chain in chains.items()
                if all(run.stage.finished for run in chain)
            ],
        )


def _metric(cell: Cell, streams: Sequence[str]) -> str:
    """Return the name of the metric of a cell in the results of a run with these streams."""
    kind = KNN if cell.protocol == KNN else PROTOCOLS[cell.protocol].metric
    if kind == KNN:
        return 'knn/top1' if cell.stream == streams[0] else f'knn/{cell.stream}_top1'
    return f'acc/{cell.stream}_top1'

"""The classes that describe a paper: methods, protocols, tables. The papers are in ``papers``.

A cell of a table is one number: a method, a protocol, a stream, and what was published.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmengine.config import Config

MODALITIES = ('joint', 'motion', 'bone')
STREAMS = (*MODALITIES, '3s')


@dataclass(frozen=True)
class Method:
    """A way to get encoders: a pre-training, or encoders that are not trained.

    Attributes:
        config (str): Config of the pre-training, or ``UNTRAINED``.
        options (Sequence[str] | Callable): ``KEY=VALUE`` overrides of the pre-training, or a
            function from the loaded config to them.
        encoder (str, optional): The only encoder that the method has. By default a run chooses.
        configs (Mapping[str, str]): Maps a data set to the config that replaces ``config`` for it.
    """

    config: str
    options: Sequence[str] | Callable[[Config], Sequence[str]] = ()
    encoder: str | None = None
    configs: Mapping[str, str] = field(default_factory=dict)


UNTRAINED = 'configs/benchmarks/knn.py'
"""The config of encoders that are not trained: a KNN evaluation of them."""


@dataclass(frozen=True)
class Protocol:
    """A way to evaluate encoders.

    Attributes:
        config (str): Config of the evaluation.
        options (Sequence[str]): ``KEY=VALUE`` overrides; ``{seed}`` is replaced.
        targets (Mapping[str, str], optional): Maps the data set of the pre-training to that of the
            evaluation. By default they are the same.
        pretrained (bool): Whether the encoders are those of the method. Defaults to True.
    """

    config: str
    options: Sequence[str] = ()
    targets: Mapping[str, str] | None = None
    pretrained: bool = True


KNN = 'knn'
"""The protocol without a run of its own: the pre-training validates by nearest neighbours."""
PERCENTS = (1, 5, 10, 20)
CROPS = (1, 2, 4)
TARGETS = {
    'ntu60_xsub': 'pkummd2_xsub',
    'ntu120_xsub': 'pkummd2_xsub',
    'synthetic_xsub': 'syntheticpku_xsub',
}
_SUBSET = 'train_dataloader.dataset.subset'
PROTOCOLS: dict[str, Protocol] = {
    'linear': Protocol('configs/benchmarks/linear.py'),
    'linear_clr': Protocol('configs/benchmarks/linear_clr.py'),
    # CrosSCLR: one loss for all heads, on the mean of their scores.
    'linear_joint': Protocol(
        'configs/benchmarks/linear_clr.py',
        ('model.joint_loss=True', *(f'model.fusion.weights.{name}=1' for name in MODALITIES)),
    ),
    'finetune': Protocol('configs/benchmarks/finetune.py'),
    'supervised': Protocol('configs/benchmarks/supervised.py', pretrained=False),
    'transfer': Protocol('configs/benchmarks/transfer.py', targets=TARGETS),
    'finetune_clr': Protocol('configs/benchmarks/finetune_clr.py'),
    **{
        name: Protocol(f'configs/benchmarks/{name}.py')
        for name in ('linear_pcm3', 'linear_ascal', 'linear_ms2l', 'finetune_ms2l')
    },
    **{
        f'{name}{percent}': Protocol(
            f'configs/benchmarks/{name}.py',
            (f'{_SUBSET}.percent={percent}', f'{_SUBSET}.seed={{seed}}'),
        )
        for name in ('semi', 'semi_clr')
        for percent in PERCENTS
    },
    **{
        f'cached{crops}': Protocol(
            'configs/benchmarks/linear.py',
            ('train_cfg.type=CachedFeatureLoop', f'train_cfg.num_crops={crops}'),
        )
        for crops in CROPS
    },
}


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        method (str, optional): Name of a :class:`Method`. None means that the number cannot be run.
        protocol (str): Key of :data:`PROTOCOLS`, or :data:`KNN`.
        stream (str): Name of a stream, or ``'3s'`` for three together.
        paper (Mapping[str, float]): Maps a data set to the published number, in percent.
        source (str): Where it was published, such as ``'CMD, Table 1'``.
        encoder (str, optional): The encoder of the published number, if it is not the table's.
        reason (str): Why the number cannot be run.
    """

    method: str | None
    protocol: str
    stream: str
    paper: Mapping[str, float] = field(default_factory=dict)
    source: str = ''
    encoder: str | None = None
    reason: str = ''


@dataclass(frozen=True)
class Table:
    """Rows and columns of cells.

    Attributes:
        title (str): Title without the data set.
        columns (Sequence[str]): Heads of the columns.
        rows (Mapping[str, Sequence[Cell | None]]): Cells of each row. None means that the number
            does not exist.
        encoder (str): The published encoder, a name in ``configs/_base_/encoders``.
        drawn (Sequence[str]): Streams whose test features are drawn by t-SNE.
    """

    title: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[Cell | None]]
    encoder: str = 'bigru'
    drawn: Sequence[str] = ()

    @property
    def cells(self) -> list[Cell]:
        """All cells that can be run."""
        return [cell for row in self.rows.values() for cell in row if cell and cell.method]

    @property
    def encoders(self) -> set[str]:
        """The encoders of its cells, besides that of the table."""
        return {cell.encoder for cell in self.cells if cell.encoder} - {self.encoder}

    def only(self, methods: Sequence[str]) -> 'Table':
        """Return the table with these methods alone; rows without any of them are left out."""
        kept = {
            label: [cell if cell and cell.method in methods else None for cell in row]
            for label, row in self.rows.items()
        }
        return replace(self, rows={label: row for label, row in kept.items() if any(row)})


def grid(
    title: str,
    methods: Mapping[str, str] | Sequence[str],
    kinds: Sequence[tuple[str, str]],
    encoder: str = 'bigru',
) -> Table:
    """Return a table of methods without published numbers.

    Args:
        title (str): Without the data set.
        methods (Mapping[str, str] | Sequence[str]): Methods, one per row: label to name, or names
            alone.
        kinds (Sequence[tuple[str, str]]): Protocol and stream, one pair per column.
        encoder (str): See :class:`Table`.
    """
    methods = methods if isinstance(methods, Mapping) else {name: name for name in methods}
    rows = {label: [Cell(name, *kind) for kind in kinds] for label, name in methods.items()}
    return Table(title, [f'{protocol}, {stream}' for protocol, stream in kinds], rows, encoder)

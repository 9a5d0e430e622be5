"""The classes that describe a paper: methods, protocols, tables. The papers are in ``papers``.

A cell of a table is one number: a method, a protocol, a stream, and what was published. The
protocols are in ``protocols``.
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
class Cell:
    """One number of a table.

    Attributes:
        method (str, optional): Name of a :class:`Method`. None means that the number cannot be run.
        protocol (str): Key of :data:`~mmcmd.reproduction.protocols.PROTOCOLS`, or
            :data:`~mmcmd.reproduction.protocols.KNN`.
        stream (str): Name of a stream, or ``'3s'`` for three together.
        paper (Mapping[str, float]): Maps a data set to the published number, in percent.
        source (str): Where it was published, such as ``'CMD, Table 1'``.
        encoder (str, optional): The encoder of the published number, if it is not the table's.
        reason (str): Why the number cannot be run. If it is not empty, it is not run.
    """

    method: str | None
    protocol: str
    stream: str
    paper: Mapping[str, float] = field(default_factory=dict)
    source: str = ''
    encoder: str | None = None
    reason: str = ''

    @property
    def can_run(self) -> bool:
        """Whether there is a method, and no reason against running it."""
        return self.method is not None and not self.reason


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
        clip_len (int, optional): Frames of the clips of all its encoders. By default each run has
            those of its config.
        baselines (Sequence[str]): Labels of the rows without pre-training, if the table says where
            they win.
    """

    title: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[Cell | None]]
    encoder: str = 'bigru'
    drawn: Sequence[str] = ()
    clip_len: int | None = None
    baselines: Sequence[str] = ()

    @property
    def cells(self) -> list[Cell]:
        """All cells that can be run."""
        return [cell for row in self.rows.values() for cell in row if cell and cell.can_run]

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

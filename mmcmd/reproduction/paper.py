"""Classes that describe the methods and tables of a paper. The papers are in ``papers``.

A cell of a table is one number. It consists of a method, a protocol, a stream and the published
number. The protocols are in ``protocols``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmengine.config import Config

MODALITIES = ('joint', 'motion', 'bone')
STREAMS = (*MODALITIES, '3s')


@dataclass(frozen=True)
class Method:
    """A source of encoders: a pre-training, or untrained encoders.

    Attributes:
        config (str): Config of the pre-training, or ``UNTRAINED``.
        options (Sequence[str] | Callable): ``KEY=VALUE`` overrides of the pre-training, or a
            function that computes them from the loaded config.
        encoder (str, optional): The only encoder of the method. By default, the run chooses the
            encoder.
        configs (Mapping[str, str]): Maps a data set to a config that replaces ``config`` for this
            data set.
        start (str, optional): Name of the method whose pre-trained encoders are the initial ones.
            By default, they are random.
    """

    config: str
    options: Sequence[str] | Callable[[Config], Sequence[str]] = ()
    encoder: str | None = None
    configs: Mapping[str, str] = field(default_factory=dict)
    start: str | None = None


UNTRAINED = 'configs/benchmarks/knn.py'
"""The config of untrained encoders. It is a KNN evaluation."""


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        method (str, optional): Name of a :class:`Method`. None means that the number cannot be run.
        protocol (str): Key of :data:`~mmcmd.reproduction.protocols.PROTOCOLS`, or
            :data:`~mmcmd.reproduction.protocols.KNN`.
        stream (str): Name of a stream, or ``'3s'`` for three together.
        paper (Mapping[str, float]): Maps a data set to the published number, in percent.
        source (str): Source of the published number, such as ``'CMD, Table 1'``.
        encoder (str, optional): The encoder of the published number, if it is not the encoder of
            the table.
        reason (str): Why the number cannot be run. If this is not empty, the number is not run.
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
        """Whether the cell has a method and no reason against a run."""
        return self.method is not None and not self.reason


@dataclass(frozen=True)
class Table:
    """Rows and columns of cells.

    Attributes:
        title (str): Title without the data set.
        columns (Sequence[str]): Titles of the columns.
        rows (Mapping[str, Sequence[Cell | None]]): Maps the label of each row to its cells. None
            means an empty cell.
        encoder (str): Encoder of the published numbers, a name in ``configs/_base_/encoders``.
        drawn (Sequence[str]): Streams whose test features are drawn with t-SNE.
        clip_len (int, optional): Number of frames of the clips of all encoders. Defaults to the
            number in the config of each run.
        baselines (Sequence[str]): Labels of the rows without pre-training. If they are given, the
            report lists where they are better than the methods.
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
        """The encoders of the cells, without that of the table."""
        return {cell.encoder for cell in self.cells if cell.encoder} - {self.encoder}

    def only(self, methods: Sequence[str]) -> 'Table':
        """Return the table with only these methods. Rows without such methods are removed."""
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
        title (str): Title without the data set.
        methods (Mapping[str, str] | Sequence[str]): Methods, one per row: a mapping from labels to
            names, or only names.
        kinds (Sequence[tuple[str, str]]): Protocol and stream, one pair per column.
        encoder (str): See :class:`Table`.
    """
    methods = methods if isinstance(methods, Mapping) else {name: name for name in methods}
    rows = {label: [Cell(name, *kind) for kind in kinds] for label, name in methods.items()}
    return Table(title, [f'{protocol}, {stream}' for protocol, stream in kinds], rows, encoder)

"""The paper's tables as data: which encoder, which protocol, which metric, and what was printed.

A cell is one number. Its method is an entry of :data:`METHODS`, a list of overrides on the data
set's pre-training config; its protocol an entry of :data:`PROTOCOLS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

JOINT, MOTION, BONE = MODALITIES = ('joint', 'motion', 'bone')


@dataclass(frozen=True)
class Method:
    """A way to pre-train: which modalities, and what is overridden in the config of CMD.

    Attributes:
        modalities (tuple[str, ...]): Those that have an encoder.
        pairs (tuple[tuple[str, str], ...], optional): (teacher, student); all by default.
        topk (float, optional): Neighbours K as a share of the queue.
        teacher_temperature (float, optional): tau_t.
        student_temperature (float, optional): tau_s.
        trained (bool): False is an encoder as it is initialised.
    """

    modalities: tuple[str, ...] = MODALITIES
    pairs: tuple[tuple[str, str], ...] | None = None
    topk: float | None = None
    teacher_temperature: float | None = None
    student_temperature: float | None = None
    trained: bool = True

    def options(self, queue_size: int) -> list[str]:
        """Return the overrides, as ``--cfg-options`` takes them."""
        options = []
        if self.modalities != MODALITIES:
            options.append(f'model.modalities=[{",".join(self.modalities)}]')
        if self.pairs is not None:
            pairs = ','.join(f'({teacher},{student})' for teacher, student in self.pairs)
            options.append(f'model.pairs=[{pairs}]')
        head = 'model.distill_head'
        if self.topk is not None:
            options.append(f'{head}.topk={max(1, round(self.topk * queue_size))}')
        for name in ('teacher_temperature', 'student_temperature'):
            if getattr(self, name) is not None:
                options.append(f'{head}.{name}={getattr(self, name)}')
        return options


NEIGHBOURS = (64, 256, 1024, 4096, 8192, 16384)  # of 16384 keys; Fig. 3
TEMPERATURES = ((0.03, 0.1), (0.05, 0.05), (0.1, 0.1), (0.05, 0.2))  # teacher, student

METHODS: dict[str, Method] = {
    'random': Method(trained=False),
    'MoCo': Method(pairs=()),
    'J<-B': Method((JOINT, BONE), ((BONE, JOINT),)),
    'J<->B': Method((JOINT, BONE)),
    'J<-M': Method((JOINT, MOTION), ((MOTION, JOINT),)),
    'J<->M': Method((JOINT, MOTION)),
    'J<-M, J<-B': Method(MODALITIES, ((MOTION, JOINT), (BONE, JOINT))),
    'CMD': Method(),
    **{f'K={k}': Method(topk=k / 16384) for k in NEIGHBOURS if k != 8192},
    **{
        f'tau_t={teacher}, tau_s={student}': Method(
            teacher_temperature=teacher, student_temperature=student
        )
        for teacher, student in TEMPERATURES
    },
    # Eq. 7: a teacher that is certain, over the whole queue.
    'positive mining': Method(topk=1.0, teacher_temperature=0.001),
}

PERCENTS = (1, 5, 10, 20)
CROPS = (1, 2, 4)
PROTOCOLS: dict[str, tuple[str, tuple[str, ...]]] = {
    'linear': ('configs/benchmarks/linear/linear_{encoder}_{data}.py', ()),
    'finetune': ('configs/benchmarks/finetune/finetune_{encoder}_{data}.py', ()),
    'transfer': ('configs/benchmarks/transfer/transfer_{encoder}_{data}_to_{target}.py', ()),
    **{
        f'semi{percent}': (
            'configs/benchmarks/semi/semi_{encoder}_{data}.py',
            (f'train_dataloader.dataset.subset.percent={percent}',),
        )
        for percent in PERCENTS
    },
    **{
        f'cached{crops}': (
            'configs/benchmarks/linear/linear_{encoder}_{data}.py',
            ('train_cfg.type=CachedFeatureLoop', f'train_cfg.num_crops={crops}'),
        )
        for crops in CROPS
    },
}
"""Protocol to config and overrides; ``'knn'`` is read from the pre-training run itself."""

TARGETS = {'ntu60_xsub': 'pkummd2_xsub', 'ntu120_xsub': 'pkummd2_xsub'} | {
    'synthetic_xsub': 'syntheticpku_xsub'
}
"""Source to target of the transfer protocol."""


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        method (str): Key of :data:`METHODS`.
        protocol (str): Key of :data:`PROTOCOLS`, or ``'knn'``.
        stream (str): Modality, or ``'3s'``.
        paper (float, optional): What the paper prints, in percent.
    """

    method: str
    protocol: str
    stream: str
    paper: float | None = None

    @property
    def metric(self) -> str:
        """Key in ``results.json``."""
        if self.protocol == 'knn':
            return 'knn/top1' if self.stream == JOINT else f'knn/{self.stream}_top1'
        return f'acc/{self.stream}_top1'


@dataclass(frozen=True)
class Table:
    """Rows and columns of cells; None is a number that does not exist."""

    title: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[Cell | None]]

    @property
    def cells(self) -> list[Cell]:
        """All cells."""
        return [cell for row in self.rows.values() for cell in row if cell]


_TABLE1 = {
    'MoCo': ('MoCo', JOINT, dict(ntu60_xsub=76.1)),
    'CMD': (
        'CMD',
        JOINT,
        dict(ntu60_xsub=79.4, ntu60_xview=86.9, ntu120_xsub=70.3, ntu120_xset=71.5)
        | dict(pkummd2_xsub=43.0),
    ),
    # The paper's headline is this row of its Table 5; three modalities give the row above.
    'CMD, J<->M': ('J<->M', JOINT, dict(ntu60_xsub=79.8)),
    '3s-MoCo': ('MoCo', '3s', {}),
    '3s-CMD': (
        'CMD',
        '3s',
        dict(ntu60_xsub=84.1, ntu60_xview=90.9, ntu120_xsub=74.7, ntu120_xset=76.1)
        | dict(pkummd2_xsub=52.6),
    ),
}
_TABLE2 = {
    'MoCo': dict(ntu60_xsub=63.4),
    'CMD': dict(ntu60_xsub=70.6, ntu60_xview=85.4, ntu120_xsub=58.3, ntu120_xset=60.9),
}
_TABLE3 = dict(ntu60_xsub=56.0, ntu120_xsub=57.0)
_TABLE4 = {
    ('CMD', JOINT): dict(ntu60_xview=(53.0, 75.3, 80.2, 84.3), ntu60_xsub=(50.6, 71.0, 75.4, 78.7)),
    ('3s-CMD', '3s'): dict(
        ntu60_xview=(55.5, 77.2, 82.4, 86.6), ntu60_xsub=(55.6, 74.3, 79.0, 81.8)
    ),
}
# Bone, motion, joint of the linear and then of the KNN evaluation, NTU-60 x-sub.
_TABLE5 = {
    'MoCo': (74.4, 73.1, 76.1, 62.0, 56.8, 63.4),
    'J<-B': (74.4, None, 76.5, 62.0, None, 64.3),
    'J<->B': (76.6, None, 77.7, 65.9, None, 66.5),
    'J<-M': (None, 73.1, 78.9, None, 56.8, 64.8),
    'J<->M': (None, 77.5, 79.8, None, 67.0, 68.7),
    'J<-M, J<-B': (74.4, 73.1, 78.8, 62.0, 56.8, 66.5),
    'CMD': (77.8, 77.1, 79.4, 69.5, 68.7, 70.6),
}
_STREAMS = (*MODALITIES, '3s')


def _ablation(title: str, methods: Mapping[str, str], data: str) -> Table:
    """Return a table of joint and three-stream accuracy, a row a method."""
    kinds = [(protocol, stream) for protocol in ('linear', 'knn') for stream in (JOINT, '3s')]
    return Table(
        f'{title}, {data}',
        [f'{protocol}, {stream}' for protocol, stream in kinds],
        {label: [Cell(name, *kind) for kind in kinds] for label, name in methods.items()},
    )


def _table5(data: str) -> Table:
    kinds = [(p, m) for p in ('linear', 'knn') for m in (BONE, MOTION, JOINT)]
    rows = {}
    for name, printed in _TABLE5.items():
        modalities = METHODS[name].modalities
        rows['Baseline' if name == 'MoCo' else name if name != 'CMD' else 'J<->M<->B'] = [
            Cell(name, *kind, paper if data == 'ntu60_xsub' else None)
            if kind[1] in modalities
            else None
            for kind, paper in zip(kinds, printed, strict=True)
        ]
    return Table(f'Table 5, ablations, {data}', [f'{p}, {m}' for p, m in kinds], rows)


def _baselines(data: str) -> Table:
    methods = ('random', 'MoCo', 'CMD')
    return Table(
        f'Random encoders, MoCo and CMD, {data}',
        methods,
        {
            f'{protocol}, {stream}': [Cell(method, protocol, stream) for method in methods]
            for protocol in ('knn', 'linear')
            for stream in _STREAMS
        },
    )


def _table1(data: str) -> Table:
    rows = {
        label: [Cell(method, 'linear', stream, paper.get(data))]
        for label, (method, stream, paper) in _TABLE1.items()
    }
    return Table(f'Table 1, linear evaluation, {data}', ['top-1'], rows)


def _table2(data: str) -> Table:
    rows = {name: [Cell(name, 'knn', JOINT, paper.get(data))] for name, paper in _TABLE2.items()}
    return Table(f'Table 2, KNN evaluation, {data}', ['top-1'], rows)


def _table3(data: str) -> Table:
    rows = {
        'MoCo': [Cell('MoCo', 'transfer', JOINT)],
        'CMD': [Cell('CMD', 'transfer', JOINT, _TABLE3.get(data))],
    }
    return Table(f'Table 3, transfer, {data} to {TARGETS.get(data)}', ['top-1'], rows)


def _table4(data: str) -> Table:
    unknown = (None,) * len(PERCENTS)
    rows = {
        label: [
            Cell('CMD', f'semi{percent}', stream, number)
            for percent, number in zip(PERCENTS, paper.get(data, unknown), strict=True)
        ]
        for (label, stream), paper in _TABLE4.items()
    }
    columns = [f'{percent} %' for percent in PERCENTS]
    return Table(f'Table 4, semi-supervised, {data}', columns, rows)


def _crops(data: str) -> Table:
    protocols = {'a new crop every epoch': 'linear'} | {f'{n} cached': f'cached{n}' for n in CROPS}
    return Table(
        f'Linear evaluation of CMD on cached features, crops of each sequence, {data}',
        [*protocols],
        {stream: [Cell('CMD', x, stream) for x in protocols.values()] for stream in _STREAMS},
    )


def _fig3(data: str) -> Table:
    methods = {str(k): 'CMD' if k == 8192 else f'K={k}' for k in NEIGHBOURS}
    return _ablation('Fig. 3, number of neighbours K in a queue of 16384', methods, data)


def _fig4(data: str) -> Table:
    methods = ('MoCo', 'CMD')
    rows = {'knn, joint': [Cell(method, 'knn', JOINT) for method in methods]}
    return Table(f'Fig. 4, t-SNE, {data}', methods, rows)


def _temperatures(data: str) -> Table:
    methods = {'tau_t=0.05, tau_s=0.1': 'CMD'} | {
        name: name for name in METHODS if name.startswith(('tau_t', 'positive'))
    }
    return _ablation('Temperatures, and their limit, positive mining (Eq. 7)', methods, data)


TABLES: dict[str, Callable[[str], Table]] = {
    'baselines': _baselines,
    'table1': _table1,
    'table2': _table2,
    'table3': _table3,
    'table4': _table4,
    'table5': _table5,
    'fig3': _fig3,
    'fig4': _fig4,
    'temperatures': _temperatures,
    'crops': _crops,
}
"""Name to a function: data set and split, as in the names of the configs, to the table."""

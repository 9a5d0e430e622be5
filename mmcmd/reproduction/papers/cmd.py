"""CMD (ECCV 2022, https://arxiv.org/abs/2208.12448): its methods, tables and figures."""

from functools import partial

from mmengine.config import Config

from mmcmd.reproduction.paper import (
    CROPS,
    KNN,
    MODALITIES,
    PERCENTS,
    STREAMS,
    Cell,
    Method,
    Table,
    grid,
)

JOINT, MOTION, BONE = MODALITIES
NEIGHBOURS = (64, 256, 1024, 4096, 8192, 16384)  # of 16384 keys; Fig. 3
TEMPERATURES = ((0.03, 0.1), (0.05, 0.05), (0.1, 0.1), (0.05, 0.2))  # teacher, student
_LONG = 'configs/cmd/cmd_pkummd2.py'
_HEAD = 'model.distill_head'
_cmd = partial(
    Method, 'configs/cmd/cmd.py', configs={'pkummd2_xsub': _LONG, 'pkummd2_xview': _LONG}
)


def _neighbours(share: float, *options: str) -> Method:
    """Return CMD with K as a share of the queue, because a small budget has a smaller queue."""

    def choose(config: Config) -> tuple[str, ...]:
        return (f'{_HEAD}.topk={max(1, round(share * config.model.queue.size))}', *options)

    return _cmd(choose)


METHODS = {
    'MoCo': _cmd(['model.pairs=[]']),
    'J<-B': _cmd(['model.modalities=[joint,bone]', 'model.pairs=[(bone,joint)]']),
    'J<->B': _cmd(['model.modalities=[joint,bone]']),
    'J<-M': _cmd(['model.modalities=[joint,motion]', 'model.pairs=[(motion,joint)]']),
    'J<->M': _cmd(['model.modalities=[joint,motion]']),
    'J<-M, J<-B': _cmd(['model.pairs=[(motion,joint),(bone,joint)]']),
    'CMD': _cmd(),
    **{f'K={k}': _neighbours(k / 16384) for k in NEIGHBOURS if k != 8192},
    **{
        f'tau_t={teacher}, tau_s={student}': _cmd(
            [f'{_HEAD}.teacher_temperature={teacher}', f'{_HEAD}.student_temperature={student}']
        )
        for teacher, student in TEMPERATURES
    },
    # Eq. 7: a teacher with a very low temperature, over the whole queue.
    'positive mining': _neighbours(1.0, f'{_HEAD}.teacher_temperature=0.001'),
}

_TABLE1 = {
    'MoCo': [Cell('MoCo', 'linear', JOINT, dict(ntu60_xsub=76.1), 'CMD, Table 5')],
    'CMD': [
        Cell(
            'CMD',
            'linear',
            JOINT,
            # On NTU-60 x-sub, Table 5 has three modalities, but Table 1 prints J<->M (the next
            # row).
            dict(ntu60_xsub=79.4, ntu60_xview=86.9, ntu120_xsub=70.3, ntu120_xset=71.5)
            | dict(pkummd2_xsub=43.0),
            'CMD, Tables 1 and 5',
        )
    ],
    'CMD, J<->M': [Cell('J<->M', 'linear', JOINT, dict(ntu60_xsub=79.8), 'CMD, Table 1')],
    '3s-MoCo': [Cell('MoCo', 'linear', '3s')],
    '3s-CMD': [
        Cell(
            'CMD',
            'linear',
            '3s',
            dict(ntu60_xsub=84.1, ntu60_xview=90.9, ntu120_xsub=74.7, ntu120_xset=76.1)
            | dict(pkummd2_xsub=52.6),
            'CMD, Table 1',
        )
    ],
}
_TABLE2 = {
    'MoCo': [Cell('MoCo', KNN, JOINT, dict(ntu60_xsub=63.4), 'CMD, Table 5')],
    'CMD': [
        Cell(
            'CMD',
            KNN,
            JOINT,
            dict(ntu60_xsub=70.6, ntu60_xview=85.4, ntu120_xsub=58.3, ntu120_xset=60.9),
            'CMD, Table 2',
        )
    ],
}
_TABLE3 = {
    'MoCo': [Cell('MoCo', 'transfer', JOINT)],
    'CMD': [
        Cell('CMD', 'transfer', JOINT, dict(ntu60_xsub=56.0, ntu120_xsub=57.0), 'CMD, Table 3')
    ],
}
_TABLE4 = {
    ('CMD', JOINT): dict(ntu60_xview=(53.0, 75.3, 80.2, 84.3), ntu60_xsub=(50.6, 71.0, 75.4, 78.7)),
    ('3s-CMD', '3s'): dict(
        ntu60_xview=(55.5, 77.2, 82.4, 86.6), ntu60_xsub=(55.6, 74.3, 79.0, 81.8)
    ),
}
# Columns: bone, motion, joint of the linear and then of the KNN evaluation, NTU-60 x-sub.
_KINDS5 = [(protocol, stream) for protocol in ('linear', KNN) for stream in (BONE, MOTION, JOINT)]
_TABLE5 = {
    ('Baseline', 'MoCo'): (74.4, 73.1, 76.1, 62.0, 56.8, 63.4),
    ('J<-B', 'J<-B'): (74.4, None, 76.5, 62.0, None, 64.3),
    ('J<->B', 'J<->B'): (76.6, None, 77.7, 65.9, None, 66.5),
    ('J<-M', 'J<-M'): (None, 73.1, 78.9, None, 56.8, 64.8),
    ('J<->M', 'J<->M'): (None, 77.5, 79.8, None, 67.0, 68.7),
    ('J<-M, J<-B', 'J<-M, J<-B'): (74.4, 73.1, 78.8, 62.0, 56.8, 66.5),
    ('J<->M<->B', 'CMD'): (77.8, 77.1, 79.4, 69.5, 68.7, 70.6),
}
_ABLATION = [(protocol, stream) for protocol in ('linear', KNN) for stream in (JOINT, '3s')]
_CROPS = {'a new crop every epoch': 'linear'} | {f'{n} cached': f'cached{n}' for n in CROPS}
TABLES = {
    'table1': Table('CMD, Table 1, linear evaluation', ['top-1'], _TABLE1),
    'table2': Table('CMD, Table 2, KNN evaluation', ['top-1'], _TABLE2),
    'table3': Table('CMD, Table 3, transfer', ['top-1'], _TABLE3),
    'table4': Table(
        'CMD, Table 4, semi-supervised evaluation',
        [f'{percent} %' for percent in PERCENTS],
        {
            label: [
                Cell('CMD', f'semi{p}', stream, {k: x[i] for k, x in paper.items()}, 'CMD, Table 4')
                for i, p in enumerate(PERCENTS)
            ]
            for (label, stream), paper in _TABLE4.items()
        },
    ),
    'table5': Table(
        'CMD, Table 5, ablations',
        [f'{protocol}, {stream}' for protocol, stream in _KINDS5],
        {
            label: [
                x and Cell(name, *kind, dict(ntu60_xsub=x), 'CMD, Table 5')
                for kind, x in zip(_KINDS5, printed, strict=True)
            ]
            for (label, name), printed in _TABLE5.items()
        },
    ),
    'fig3': grid(
        'CMD, Fig. 3, number of neighbours K in a queue of 16384',
        {str(k): 'CMD' if k == 8192 else f'K={k}' for k in NEIGHBOURS},
        _ABLATION,
    ),
    'fig4': Table(
        'CMD, Fig. 4, t-SNE',
        ['MoCo', 'CMD'],
        {'knn, joint': [Cell(name, KNN, JOINT) for name in ('MoCo', 'CMD')]},
        drawn=(JOINT, MOTION),
    ),
    'temperatures': grid(
        'CMD, temperatures, and their limit, positive mining (Eq. 7)',
        {'tau_t=0.05, tau_s=0.1': 'CMD'}
        | {name: name for name in METHODS if name.startswith(('tau_t', 'positive'))},
        _ABLATION,
    ),
    'crops': Table(
        'Linear evaluation of CMD on cached features, crops of each sequence',
        [*_CROPS],
        {stream: [Cell('CMD', x, stream) for x in _CROPS.values()] for stream in STREAMS},
    ),
}

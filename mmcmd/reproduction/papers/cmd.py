"""CMD (ECCV 2022, https://arxiv.org/abs/2208.12448): methods, ablations and figures.

The tables that compare CMD with other methods are in ``cmd_tables``.
"""

from functools import partial

from mmengine.config import Config

from mmcmd.reproduction.paper import MODALITIES, STREAMS, Cell, Method, Table, grid
from mmcmd.reproduction.protocols import CROPS, KNN

JOINT, MOTION, BONE = MODALITIES
NEIGHBOURS = (64, 256, 1024, 4096, 8192, 16384)  # with a queue of 16384 keys; Fig. 3
TEMPERATURES = ((0.03, 0.1), (0.05, 0.05), (0.1, 0.1), (0.05, 0.2))  # teacher, student
_LONG = 'configs/cmd/cmd_pkummd2.py'
_HEAD = 'model.distill_head'
_cmd = partial(
    Method, 'configs/cmd/cmd.py', configs={'pkummd2_xsub': _LONG, 'pkummd2_xview': _LONG}
)


def _neighbours(share: float, *options: str) -> Method:
    """Return CMD with K as a fraction of the queue, which is smaller with a small budget."""

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
    # Eq. 7: a teacher with a very low temperature, compared with the whole queue.
    'positive mining': _neighbours(1.0, f'{_HEAD}.teacher_temperature=0.001'),
}

# Columns: bone, motion, joint with linear evaluation, then with KNN evaluation, NTU-60 x-sub.
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

"""SkeletonCLR and CrosSCLR (CVPR 2021, https://arxiv.org/abs/2104.14466).

CrosSCLR-B has no separate paper. The authors of CMD added it for comparison.
"""

from mmcmd.reproduction.paper import Cell, Method, Table
from mmcmd.reproduction.protocols import KNN

METHODS = {
    'SkeletonCLR': Method('configs/skeletonclr/skeletonclr.py'),
    'CrosSCLR': Method('configs/crossclr/crossclr.py'),
    '2s-CrosSCLR': Method('configs/crossclr/crossclr.py', ['model.modalities=[joint,motion]']),
    'CrosSCLR-B': Method(
        'configs/crossclr/crossclr_b.py',
        configs={
            name: 'configs/crossclr/crossclr_b_pkummd2.py'
            for name in ('pkummd2_xsub', 'pkummd2_xview')
        },
    ),
}
_README, _BOTH, _CMD = 'README of CrosSCLR', 'README of CrosSCLR and paper of CMD', 'paper of CMD'

TABLES = {
    'crossclr': Table(
        'SkeletonCLR and CrosSCLR',
        ['linear', 'semi-supervised, 1 %', 'semi-supervised, 10 %'],
        {
            'SkeletonCLR, joint': [
                Cell(
                    'SkeletonCLR',
                    'linear_clr',
                    'joint',
                    dict(ntu60_xsub=68.3, ntu60_xview=76.4),
                    _README,
                ),
                *(Cell('SkeletonCLR', f'semi_clr{percent}', 'joint') for percent in (1, 10)),
            ],
            '2s-CrosSCLR': [
                Cell(
                    '2s-CrosSCLR',
                    'linear_joint',
                    '2s',
                    dict(ntu60_xsub=74.5, ntu60_xview=82.1),
                    _README,
                ),
                None,
                None,
            ],
            '3s-CrosSCLR': [
                Cell(
                    'CrosSCLR',
                    'linear_joint',
                    '3s',
                    dict(ntu60_xsub=77.8, ntu60_xview=83.4, ntu120_xsub=67.9, ntu120_xset=66.7)
                    | dict(pkummd2_xsub=21.2),
                    _BOTH,
                ),
                Cell('CrosSCLR', 'semi_clr1', '3s', dict(ntu60_xsub=51.1, ntu60_xview=50.0), _BOTH),
                Cell(
                    'CrosSCLR', 'semi_clr10', '3s', dict(ntu60_xsub=74.4, ntu60_xview=77.8), _BOTH
                ),
            ],
        },
        encoder='stgcn_clr',
    ),
    'crossclr_b': Table(
        'CrosSCLR-B, joint',
        ['linear', 'knn'],
        {
            'CrosSCLR-B': [
                Cell(
                    'CrosSCLR-B',
                    'linear',
                    'joint',
                    dict(ntu60_xsub=77.3, ntu60_xview=85.1, ntu120_xsub=67.1, ntu120_xset=68.6)
                    | dict(pkummd2_xsub=41.9),
                    _CMD,
                ),
                Cell('CrosSCLR-B', KNN, 'joint', dict(ntu60_xsub=66.1, ntu60_xview=81.3), _CMD),
            ]
        },
    ),
}

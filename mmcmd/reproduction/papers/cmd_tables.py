"""Tables 1 to 4 of CMD: all compared methods, with their own encoders and protocols.

Table 1 reports 79.8 for CMD on NTU-60 x-sub. Table 5 shows that this is the result of J<->M, and
that CMD with three modalities has 79.4. Here, both have a row. MoCo is only in Table 5.
"""

from collections.abc import Mapping, Sequence

from mmcmd.reproduction.paper import Cell, Table
from mmcmd.reproduction.protocols import KNN, PERCENTS

METHODS = {}
_JOINT, _THREE = 'joint', '3s'
# Published encoder, and the protocols that differ from those of CMD.
_RECIPES = {
    'AimCLR': ('stgcn_clr', dict(linear='linear_clr', semi='semi_clr')),
    'CrosSCLR': ('stgcn_clr', dict(linear='linear_joint', semi='semi_clr')),
    'AS-CAL': ('lstm_ascal', dict(linear='linear_ascal')),
    'ISC': ('bigru_plain', {}),
    'LongT GAN': ('bigru_longtgan', {}),
    'MS2L': ('bigru_ms2l', dict(linear='linear_ms2l')),
    'P&C': ('bigru_pc', dict(knn='knn_pc')),
}
_NO_CODE = 'no code was released'
_MISSING = {
    'SeBiReNet': 'the released code pre-trains on single poses of another data set',
    'ASSL': _NO_CODE,
    'Colorization': _NO_CODE,
}
_SAME = ' (on NTU-60, the numbers of its Table 2, KNN)'
_REMARKS = {('LongT GAN', 1): _SAME, ('P&C', 1): _SAME}
_DATA1 = ('ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset', 'pkummd2_xsub')


def _cell(
    method: str, protocol: str, stream: str, table: int, paper: Mapping[str, float | None]
) -> Cell:
    """Return a cell with the published encoder and protocol of its method.

    Args:
        method (str): Name of a method. It may be one that cannot be run.
        protocol (str): Protocol of CMD: ``'linear'``, ``'knn'``, ``'transfer'`` or ``'semi...'``.
        stream (str): Name of a stream.
        table (int): Number of the table in the paper.
        paper (Mapping[str, float | None]): Published number for each data set. None means that
            there is no number.
    """
    numbers = {data: x for data, x in paper.items() if x is not None}
    source = f'CMD, Table {table}{_REMARKS.get((method, table), "")}' if numbers else ''
    if method in _MISSING:
        return Cell(None, protocol, stream, numbers, source, reason=_MISSING[method])
    encoder, own = _RECIPES.get(method, (None, {}))
    kind = protocol.rstrip('0123456789')
    protocol = own.get(kind, kind) + protocol.removeprefix(kind)
    return Cell(method, protocol, stream, numbers, source, encoder)


def _linear(method: str, stream: str, *numbers: float | None) -> list[Cell]:
    return [_cell(method, 'linear', stream, 1, dict(zip(_DATA1, numbers, strict=True)))]


def _knn(method: str, *numbers: float) -> list[Cell]:
    return [_cell(method, KNN, _JOINT, 2, dict(zip(_DATA1, numbers, strict=False)))]


def _transfer(method: str, ntu60: float, ntu120: float | None = None) -> list[Cell]:
    return [_cell(method, 'transfer', _JOINT, 3, dict(ntu60_xsub=ntu60, ntu120_xsub=ntu120))]


def _semi(
    method: str, stream: str, xview: Sequence[float | None], xsub: Sequence[float | None]
) -> list[Cell]:
    return [
        _cell(method, f'semi{percent}', stream, 4, dict(ntu60_xview=x, ntu60_xsub=y))
        for percent, x, y in zip(PERCENTS, xview, xsub, strict=True)
    ]


_NOTHING = (None,) * 4
_TABLE1 = {
    'LongT GAN': _linear('LongT GAN', _JOINT, 39.1, 48.1, None, None, 26.0),
    'MS2L': _linear('MS2L', _JOINT, 52.6, None, None, None, 27.6),
    'P&C': _linear('P&C', _JOINT, 50.7, 76.3, 42.7, 41.7, 25.5),
    'AS-CAL': _linear('AS-CAL', _JOINT, 58.5, 64.8, 48.6, 49.2, None),
    'SeBiReNet': _linear('SeBiReNet', _JOINT, None, 79.7, None, None, None),
    'AimCLR': _linear('AimCLR', _JOINT, 74.3, 79.7, None, None, None),
    'ISC': _linear('ISC', _JOINT, 76.3, 85.2, 67.1, 67.9, 36.0),
    'CrosSCLR-B': _linear('CrosSCLR-B', _JOINT, 77.3, 85.1, 67.1, 68.6, 41.9),
    'MoCo': [Cell('MoCo', 'linear', _JOINT, dict(ntu60_xsub=76.1), 'CMD, Table 5')],
    'CMD': [
        Cell(
            'CMD',
            'linear',
            _JOINT,
            dict(zip(_DATA1, (79.4, 86.9, 70.3, 71.5, 43.0), strict=True)),
            'CMD, Tables 1 and 5',
        )
    ],
    'CMD, J<->M': _linear('J<->M', _JOINT, 79.8, None, None, None, None),
    '3s-CrosSCLR': _linear('CrosSCLR', _THREE, 77.8, 83.4, 67.9, 66.7, 21.2),
    '3s-AimCLR': _linear('AimCLR', _THREE, 78.9, 83.8, 68.2, 68.8, 39.5),
    '3s-CrosSCLR-B': _linear('CrosSCLR-B', _THREE, 82.1, 89.2, 71.6, 73.4, 51.0),
    '3s-MoCo': [Cell('MoCo', 'linear', _THREE)],
    '3s-CMD': _linear('CMD', _THREE, 84.1, 90.9, 74.7, 76.1, 52.6),
}
_TABLE2 = {
    'LongT GAN': _knn('LongT GAN', 39.1, 48.1, 31.5, 35.5),
    'P&C': _knn('P&C', 50.7, 76.3, 39.5, 41.8),
    'ISC': _knn('ISC', 62.5, 82.6, 50.6, 52.3),
    'CrosSCLR-B': _knn('CrosSCLR-B', 66.1, 81.3, 52.5, 54.9),
    'MoCo': [Cell('MoCo', KNN, _JOINT, dict(ntu60_xsub=63.4), 'CMD, Table 5')],
    'CMD': _knn('CMD', 70.6, 85.4, 58.3, 60.9),
}
_TABLE3 = {
    'LongT GAN': _transfer('LongT GAN', 44.8),
    'MS2L': _transfer('MS2L', 45.8),
    'ISC': _transfer('ISC', 51.1, 52.3),
    'CrosSCLR-B': _transfer('CrosSCLR-B', 54.0, 52.8),
    'MoCo': [Cell('MoCo', 'transfer', _JOINT)],
    'CMD': _transfer('CMD', 56.0, 57.0),
}
_TABLE4 = {
    'LongT GAN': _semi('LongT GAN', _JOINT, _NOTHING, (35.2, None, 62.0, None)),
    'MS2L': _semi('MS2L', _JOINT, _NOTHING, (33.1, None, 65.1, None)),
    'ASSL': _semi('ASSL', _JOINT, (None, 63.6, 69.8, 74.7), (None, 57.3, 64.3, 68.0)),
    'ISC': _semi('ISC', _JOINT, (38.1, 65.7, 72.5, 78.2), (35.7, 59.6, 65.9, 70.8)),
    'CrosSCLR-B': _semi('CrosSCLR-B', _JOINT, (49.8, 70.6, 77.0, 81.9), (48.6, 67.7, 72.4, 76.1)),
    'CMD': _semi('CMD', _JOINT, (53.0, 75.3, 80.2, 84.3), (50.6, 71.0, 75.4, 78.7)),
    '3s-CrosSCLR': _semi('CrosSCLR', _THREE, (50.0, None, 77.8, None), (51.1, None, 74.4, None)),
    '3s-Colorization': _semi(
        'Colorization', _THREE, (52.5, None, 78.9, None), (48.3, None, 71.7, None)
    ),
    '3s-AimCLR': _semi('AimCLR', _THREE, (54.3, None, 81.6, None), (54.8, None, 78.2, None)),
    '3s-CMD': _semi('CMD', _THREE, (55.5, 77.2, 82.4, 86.6), (55.6, 74.3, 79.0, 81.8)),
}
TABLES = {
    'table1': Table('CMD, Table 1, linear evaluation', ['top-1'], _TABLE1),
    'table2': Table('CMD, Table 2, KNN evaluation', ['top-1'], _TABLE2),
    'table3': Table('CMD, Table 3, transfer', ['top-1'], _TABLE3),
    'table4': Table(
        'CMD, Table 4, semi-supervised evaluation',
        [f'{percent} %' for percent in PERCENTS],
        _TABLE4,
    ),
}

"""AimCLR (AAAI 2022, https://arxiv.org/abs/2112.03590). One training has all three streams."""

from mmcmd.reproduction.paper import Cell, Method, Table

METHODS = {'AimCLR': Method('configs/aimclr/aimclr.py')}
_SEMI = {
    1: dict(ntu60_xsub=54.8, ntu60_xview=54.3),
    10: dict(ntu60_xsub=78.2, ntu60_xview=81.6),
}
_PUBLISHED = {
    ('joint', 'paper of CMD'): dict(ntu60_xsub=74.3, ntu60_xview=79.7),
    ('3s', 'paper of CMD'): dict(
        ntu60_xsub=78.9, ntu60_xview=83.8, ntu120_xsub=68.2, ntu120_xset=68.8, pkummd2_xsub=39.5
    ),
    # These four come from the released weights.
    ('joint', 'README of AimCLR'): dict(ntu60_xsub=74.34, ntu60_xview=79.68),
    ('motion', 'README of AimCLR'): dict(ntu60_xsub=68.68, ntu60_xview=71.83),
    ('bone', 'README of AimCLR'): dict(ntu60_xsub=71.87, ntu60_xview=77.02),
    ('3s', 'README of AimCLR'): dict(ntu60_xsub=79.18, ntu60_xview=84.02),
}

TABLES = {
    'aimclr': Table(
        'AimCLR, linear evaluation',
        ['top-1'],
        {
            f'{stream} ({source})': [Cell('AimCLR', 'linear_clr', stream, paper, source)]
            for (stream, source), paper in _PUBLISHED.items()
        },
        encoder='stgcn_clr',
    ),
    'aimclr_semi': Table(
        'AimCLR, semi-supervised evaluation, three streams',
        [f'{percent} %' for percent in _SEMI],
        {
            'AimCLR': [
                Cell('AimCLR', f'semi_clr{percent}', '3s', paper, 'paper of CMD')
                for percent, paper in _SEMI.items()
            ]
        },
        encoder='stgcn_clr',
    ),
}

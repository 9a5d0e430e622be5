"""MAMP, SkeletonMAE, STARS, USDRL and SLiM, and the table of the best published numbers."""

from mmcmd.reproduction.paper import Cell, Method, Table
from mmcmd.reproduction.protocols import KNN

_THREE = ['model.modalities=[joint,motion,bone]']
METHODS = {
    'MAMP': Method('configs/mamp/mamp.py', _THREE, 'transformer'),
    'SkeletonMAE': Method('configs/mamp/skeletonmae.py', _THREE, 'transformer'),
    'STARS': Method('configs/stars/stars.py', _THREE, 'transformer', start='MAMP'),
    'USDRL': Method('configs/usdrl/usdrl.py', _THREE, 'dste'),
    'USDRL (STTR)': Method('configs/usdrl/usdrl.py', _THREE, 'sttr'),
    'SLiM': Method('configs/slim/slim.py', _THREE, 'rotary'),
}
_DATA = 'ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset'
_NO_CODE = 'the method is not in this package'


def _cell(
    name: str, protocol: str, source: str, *numbers: float, pkummd2: float | None = None
) -> Cell:
    """Return a cell with the numbers of a method, in the order of ``_DATA``."""
    paper = dict(zip(_DATA, numbers, strict=False))
    paper |= {} if pkummd2 is None else {'pkummd2_xsub': pkummd2}
    known = name if name in METHODS else None
    return Cell(known, protocol, 'joint', paper, source, reason='' if known else _NO_CODE)


_LINEAR, _FINETUNE = 'linear_mamp', 'finetune_mamp'
_AWESOME = 'awesome list of the field'
_OTHERS = 'FoundSkelModel, linear evaluation'
_COLUMNS = {'linear': _LINEAR, KNN: KNN, 'fine-tuned': _FINETUNE}
_ROWS = {
    'SLiM': {
        _LINEAR: _cell('SLiM', 'linear_slim', 'README of SLiM', 87.9, 93.2),
        KNN: _cell('SLiM', KNN, 'README of SLiM', 72.3, 89.8),
    },
    'STARS': {
        _LINEAR: _cell('STARS', _LINEAR, 'README of STARS', 87.1, 90.9, 79.9, 80.8),
        KNN: _cell('STARS', KNN, 'README of STARS', 79.9, 88.6, 67.6, 67.7),
        _FINETUNE: _cell('STARS', _FINETUNE, 'README of STARS', 93.0, 97.5, 89.9, 91.4),
    },
    'STARS, PKU-MMD II': {_LINEAR: _cell('STARS', _LINEAR, _AWESOME, pkummd2=52.7)},
    'USDRL (DSTE)': {
        _LINEAR: _cell(
            'USDRL', 'linear_usdrl', 'README of USDRL', 85.2, 91.7, 76.6, 78.1, pkummd2=54.4
        )
    },
    'USDRL (STTR)': {
        _LINEAR: _cell(
            'USDRL (STTR)', 'linear_usdrl', 'README of USDRL', 84.2, 90.8, 76.0, 76.9, pkummd2=51.8
        )
    },
    'MAMP': {
        _LINEAR: _cell('MAMP', _LINEAR, 'README of MAMP', 85.0, 89.0, 78.1, 79.5),
        _FINETUNE: _cell('MAMP', _FINETUNE, 'README of MAMP', 93.0, 97.5, 89.8, 91.5),
    },
    'MAMP, as others print it': {
        _LINEAR: _cell('MAMP', _LINEAR, 'README of USDRL', 84.9, 89.1, 78.6, 79.1, pkummd2=53.8)
    },
    # Another method with this name. Our SkeletonMAE is the baseline in MAMP, without published
    # numbers.
    'SkeletonMAE (ICMEW 2023)': {
        _LINEAR: _cell(
            'another SkeletonMAE', _LINEAR, _OTHERS, 74.8, 77.7, 72.5, 73.5, pkummd2=36.1
        )
    },
    'SkeletonMAE (of MAMP)': {
        name: _cell('SkeletonMAE', name, '') for name in (_LINEAR, KNN, _FINETUNE)
    },
}

TABLES = {
    'sota': Table(
        'Best published numbers, joint stream',
        list(_COLUMNS),
        {row: [cells.get(x) for x in _COLUMNS.values()] for row, cells in _ROWS.items()},
        encoder='transformer',
    ),
}

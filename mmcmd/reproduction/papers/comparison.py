"""Tables that are not from a paper: untrained encoders, and two comparisons of all methods.

In the table ``methods``, with the budget ``small``, all methods have the same epochs, batch and
optimiser. The recurrent ones also have the same encoder and queue. Each method keeps its own
preprocessing and augmentation. Mining starts in the middle of the training.

In the table ``recipes``, with the budget ``own``, each method also has its own encoder, batch,
optimiser, schedule and evaluation, at sizes for a CPU.
"""

from mmcmd.reproduction.paper import STREAMS, UNTRAINED, Cell, Method, Table, grid
from mmcmd.reproduction.papers import generative
from mmcmd.reproduction.protocols import KNN

METHODS = {
    # 1-NN with cosine similarity and a linear classifier, on the coordinates of the test pipeline.
    'raw': Method(UNTRAINED, encoder='raw'),
    'random': Method(UNTRAINED),
    'CMD, transformer': Method('configs/cmd/cmd.py', encoder='transformer'),
}
_KINDS = [(protocol, stream) for protocol in (KNN, 'linear') for stream in STREAMS]
TRAINED = (
    *('SkeletonCLR', 'CrosSCLR', 'CrosSCLR-B', 'AimCLR', 'ISC'),
    *generative.METHODS,
    *('MoCo', 'CMD', 'PCM3'),
)
MASKED = ('MAMP', 'SkeletonMAE', 'STARS', 'USDRL', 'SLiM')
"""Methods with encoders of their own: transformers."""
_ENCODERS = {
    **dict.fromkeys(('SkeletonCLR', 'CrosSCLR', 'AimCLR'), 'stgcn_clr'),
    'ISC': 'bigru_plain',
    'LongT GAN': 'bigru_longtgan',
    'MS2L': 'bigru_ms2l',
    'P&C': 'bigru_pc',
    'AS-CAL': 'lstm_ascal',
}
_LINEAR = {
    **dict.fromkeys(('SkeletonCLR', 'CrosSCLR', 'AimCLR'), 'linear_clr'),
    **{'PCM3': 'linear_pcm3', 'MS2L': 'linear_ms2l', 'AS-CAL': 'linear_ascal'},
    **dict.fromkeys(('MAMP', 'SkeletonMAE', 'STARS'), 'linear_mamp'),
    **{'USDRL': 'linear_usdrl', 'SLiM': 'linear_slim'},
}
_BASELINES = ('random', 'MoCo', 'CMD')

TABLES = {
    'baselines': Table(
        'Random encoders, MoCo and CMD',
        _BASELINES,
        {', '.join(kind): [Cell(name, *kind) for name in _BASELINES] for kind in _KINDS},
    ),
    'methods': grid(
        'Methods with equal budget',
        ('raw', 'random', *TRAINED, 'CMD, transformer', *MASKED),
        _KINDS,
    ),
    'recipes': Table(
        'Methods with their own recipes',
        [', '.join(kind) for kind in _KINDS],
        {
            name: [
                Cell(name, own.get(name, protocol), stream, encoder=_ENCODERS.get(name))
                for protocol, own in ((KNN, {'P&C': 'knn_pc'}), ('linear', _LINEAR))
                for stream in STREAMS
            ]
            for name in (*TRAINED, *MASKED)
        },
    ),
}

"""Tables that are not from a paper: untrained encoders, and a comparison of all methods.

With the small budget, all methods have the same encoder, epochs, batch, optimiser and queue. Each
method keeps its own preprocessing and augmentation. Mining starts in the middle of the training.
"""

from mmcmd.reproduction.paper import STREAMS, UNTRAINED, Cell, Method, Table, grid
from mmcmd.reproduction.papers import generative
from mmcmd.reproduction.protocols import KNN

METHODS = {
    # 1-NN with cosine similarity and a linear classifier, on the coordinates of the test pipeline.
    'raw': Method(UNTRAINED, encoder='raw'),
    'random': Method(UNTRAINED),
}
_KINDS = [(protocol, stream) for protocol in (KNN, 'linear') for stream in STREAMS]
TRAINED = (
    *('SkeletonCLR', 'CrosSCLR', 'CrosSCLR-B', 'AimCLR', 'ISC'),
    *generative.METHODS,
    *('MoCo', 'CMD', 'PCM3'),
)
_BASELINES = ('random', 'MoCo', 'CMD')

TABLES = {
    'baselines': Table(
        'Random encoders, MoCo and CMD',
        _BASELINES,
        {', '.join(kind): [Cell(name, *kind) for name in _BASELINES] for kind in _KINDS},
    ),
    'methods': grid('Methods with one encoder', (*METHODS, *TRAINED), _KINDS),
}

"""The leaderboard: every method in equal minutes, and what needs no pre-training.

``python tools/reproduce.py leaderboard --data DATA --minutes 30`` gives each pre-training and each
supervised training the same minutes. All have the same encoder and clips. The pre-trained encoders
stay frozen; a linear classifier is trained on all labels, or on a few of each class.
"""

from mmcmd.reproduction.paper import STREAMS, Cell, Method, Table
from mmcmd.reproduction.papers import comparison
from mmcmd.reproduction.protocols import KNN, LABELS

# The same training as of CMD, with the views, the optimiser and the schedule of the recipe.
METHODS = {'recipe': Method('configs/recipes/small.py', ['final_evaluation=False'])}
_MASKED = 'MAMP', 'SkeletonMAE', 'USDRL'  # which have encoders of their own
ALL_LABELS = 'linear, 3s'
"""Head of the column with all labels."""


def label_column(labels: int) -> str:
    """Return the head of the column with so many labels of each class."""
    return f'{labels} label{"s" * (labels > 1)}, 3s'


def _row(
    method: str, nearest: str | None, linear: str | None, few: str, encoder: str | None = None
) -> list[Cell | None]:
    """Return nearest neighbours and a classifier in each stream, and the latter with few labels."""
    return [
        *(nearest and Cell(method, nearest, stream, encoder=encoder) for stream in STREAMS),
        *(linear and Cell(method, linear, stream, encoder=encoder) for stream in STREAMS),
        *(Cell(method, f'{few}{labels}', '3s', encoder=encoder) for labels in LABELS),
    ]


_BASELINES = {
    'raw, cosine': _row('raw', KNN, 'linear_small', 'linear_small'),
    'raw, Euclidean': _row('raw', 'euclidean', None, 'euclidean'),
    'raw, time warping': _row('raw', 'dtw', None, 'dtw'),
    'MiniRocket': _row('raw', None, 'minirocket', 'minirocket'),
    'random encoder': _row('random', KNN, 'linear_small', 'linear_small'),
    'supervised': _row('random', None, 'scratch', 'scratch'),
    'supervised, ST-GCN++': _row('random', None, 'scratch', 'scratch', 'stgcnpp'),
}

TABLES = {
    'leaderboard': Table(
        'Leaderboard',
        [
            *(f'{protocol}, {stream}' for protocol in (KNN, 'linear') for stream in STREAMS),
            *map(label_column, LABELS),
        ],
        _BASELINES
        | {
            name: _row(name, KNN, 'linear_small', 'linear_small')
            for name in (*comparison.TRAINED, *_MASKED, *METHODS)
        },
        encoder='bigru_mean',
        clip_len=32,
        baselines=tuple(_BASELINES),
    ),
}

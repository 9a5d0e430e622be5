"""The leaderboard: all methods with equal training minutes, and baselines without pre-training.

``python tools/reproduce.py leaderboard --data DATA --minutes 30`` gives each pre-training and each
supervised training the same minutes. All use the same encoder and clip length. The pre-trained
encoders are frozen. A linear classifier is trained on all labels, or on a few labels per class.
"""

from mmcmd.reproduction.paper import STREAMS, Cell, Method, Table
from mmcmd.reproduction.papers import comparison
from mmcmd.reproduction.protocols import KNN, LABELS

# The training of CMD, with the views, the optimiser and the schedule of the recipe.
METHODS = {'recipe': Method('configs/recipes/small.py', ['final_evaluation=False'])}
# By default with their own encoders. STARS would have the minutes of MAMP as well.
_MASKED = tuple(name for name in comparison.MASKED if name != 'STARS')
ALL_LABELS = 'linear, 3s'
"""Title of the column with all labels."""


def label_column(labels: int) -> str:
    """Return the title of the column with a number of labels per class."""
    return f'{labels} label{"s" * (labels > 1)}, 3s'


def _row(
    method: str, nearest: str | None, linear: str | None, few: str, encoder: str | None = None
) -> list[Cell | None]:
    """Return a row: nearest neighbours and a classifier per stream, then with few labels."""
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
    'random encoder': _row('random', KNN, 'linear_whitened', 'linear_small'),
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
            name: _row(name, KNN, 'linear_whitened', 'linear_small')
            for name in (*comparison.TRAINED, *_MASKED, *METHODS)
        },
        encoder='bigru_mean',
        clip_len=32,
        baselines=tuple(_BASELINES),
    ),
}

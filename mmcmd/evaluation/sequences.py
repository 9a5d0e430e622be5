"""Classifiers of coordinates as time series, without pre-training (extra ``baselines``)."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.evaluation.gallery import GalleryMetric
from mmcmd.registry import METRICS

SHORTEST = 9
"""Number of frames of a MiniRocket kernel. Shorter sequences have no features."""
ALPHAS = np.logspace(-3, 3, 10)
"""Penalties of the ridge classifier, as in the paper of MiniRocket and in sktime."""


class SequenceMetric(GalleryMetric):
    """Base class: accuracy of a classifier of the coordinates as time series.

    The backbone of the model must be :class:`RawCoordinates`, which returns the coordinates as
    features. The metrics have the names of :class:`MultiStreamAccuracy`: ``acc/{stream}_top1``, and
    ``acc/{n}s_top1`` for all n streams together.

    Args:
        **kwargs: ``collect_device`` and ``prefix`` of :class:`GalleryMetric`.
    """

    default_prefix = 'acc'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape: tuple[int, ...] = ()

    def process(self, data_batch: Mapping, data_samples: Sequence[Mapping]) -> None:
        """Store the coordinates and the label of each sample.

        Raises:
            InputError: If the features are not the coordinates.
        """
        first = len(self.results)
        super().process(data_batch, data_samples)
        *_, persons, frames, joints, channels = data_batch['inputs'].shape
        self.shape = persons, frames, joints * channels
        size = next(iter(self.results[first][0].values())).size
        if size != np.prod(self.shape):
            raise InputError(
                f'{type(self).__name__} classifies coordinates, {np.prod(self.shape)} numbers of a '
                f'sequence, but the encoder gives {size}; use a config of configs/baselines'
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Classify the queries. The first stream also gets a metric with its name."""
        metrics = super().compute_metrics(results)
        return metrics | {f'{next(iter(self.predictions))}_top1': metrics['top1']}

    def classify(
        self, queries: dict[str, Tensor], gallery: dict[str, Tensor], labels: Tensor
    ) -> dict[str, Tensor]:
        """Return the classes (N,) of the queries with :meth:`predict`."""
        series = {
            name: _drop_empty(self._series(queries[name]), self._series(gallery[name]))
            for name in queries
        }
        predictions = self.predict(series, labels.numpy())
        return {name: torch.from_numpy(x).long() for name, x in predictions.items()}

    def predict(
        self, series: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the classes (N,) of the queries for each stream and for all streams together.

        Args:
            series (Mapping[str, tuple[ndarray, ndarray]]): Maps each stream to queries (N, C, T)
                and gallery (G, C, T) with C coordinates and T frames.
            labels (ndarray): Classes of the gallery, shape (G,).
        """
        raise NotImplementedError

    def _series(self, feats: Tensor) -> np.ndarray:
        """Return features (N, M * T * V * C) as series (N, M * V * C, T)."""
        parts = feats.double().unflatten(1, self.shape).permute(0, 1, 3, 2)
        return np.ascontiguousarray(parts.flatten(1, 2).numpy())


@METRICS.register_module()
class TimeWarpingMetric(SequenceMetric):
    """Nearest neighbour with dynamic time warping (Sakoe and Chiba, 1978), from dtaidistance.

    All coordinates are warped together. The distance is the square root of the sum of squared
    differences along the best path in a band. With a band of 0, it is the Euclidean distance. For
    several streams, the distances are divided by their mean over all pairs and then added.

    Args:
        band (float): Half of the width of the band, as a fraction of the frames. Defaults to 0.1.
        **kwargs: See :class:`SequenceMetric`.

    Raises:
        InputError: If ``band`` is not in [0, 1], or dtaidistance is not installed.
    """

    def __init__(self, band: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= band <= 1:
            raise InputError(f'band={band} is a fraction of the frames and must lie in [0, 1]')
        self.band = band
        self._warping = _import('dtaidistance.dtw_ndim')

    def predict(
        self, series: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the class of the nearest entry. Of equally near entries, the first is used."""
        distances = {name: self.distances(*pair) for name, pair in series.items()}
        if len(distances) > 1:
            scaled = [x / x.mean() if x.any() else x for x in distances.values()]
            distances[f'{len(distances)}s'] = sum(scaled)
        return {name: labels[x.argmin(axis=1)] for name, x in distances.items()}

    def distances(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """Return the distances (N, G) of series (N, C, T) and (G, C, T)."""
        size, frames = len(queries), queries.shape[2]
        series = np.ascontiguousarray(np.concatenate([queries, gallery]).transpose(0, 2, 1))
        found = self._warping.distance_matrix_fast(
            series,
            window=int(self.band * frames) + 1,  # the package also counts the diagonal
            block=((0, size), (size, len(series))),
            compact=True,
            parallel=False,
        )
        return np.asarray(found).reshape(size, len(gallery))


@METRICS.register_module()
class MiniRocketMetric(SequenceMetric):
    """MiniRocket (Dempster et al., KDD 2021) with a ridge classifier (sktime, scikit-learn).

    Fixed convolutions, whose thresholds come from the gallery, compute about 10,000 features of
    each sequence. Cross-validation on the gallery chooses the penalty of the classifier. For
    several streams, the scores are averaged. The first use after an installation compiles code for
    about a minute.

    Args:
        num_kernels (int): Approximate number of features. Defaults to 10,000.
        seed (int): Seed of the thresholds and of the choice of coordinates. Defaults to 0.
        **kwargs: See :class:`SequenceMetric`.

    Raises:
        InputError: If sktime is not installed.
    """

    def __init__(self, num_kernels: int = 10_000, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_kernels = num_kernels
        self.seed = seed
        _import('numba')  # without it, sktime fails when it is used
        self._rocket = _import('sktime.transformations.rocket')

    def predict(
        self, series: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the classes (N,) with the highest scores.

        Raises:
            InputError: If the sequences are too short, or the gallery has only one class.
        """
        classes = np.unique(labels)
        if len(classes) < 2:
            raise InputError('MiniRocket needs sequences of at least two classes to learn from')
        scores = {name: self.scores(*pair, labels) for name, pair in series.items()}
        if len(scores) > 1:
            scores[f'{len(scores)}s'] = sum(scores.values())
        return {name: classes[x.argmax(axis=1)] for name, x in scores.items()}

    def scores(self, queries: np.ndarray, gallery: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the scores (N, classes) of series (N, C, T), trained on series (G, C, T).

        Raises:
            InputError: If the sequences have fewer frames than a kernel.
        """
        from sklearn.linear_model import RidgeClassifierCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        frames = queries.shape[2]
        if frames < SHORTEST:
            raise InputError(
                f'MiniRocket needs at least {SHORTEST} frames, but clip_len is {frames}'
            )
        rocket = self._rocket.MiniRocketMultivariate(self.num_kernels, random_state=self.seed)
        classifier = make_pipeline(
            StandardScaler(with_mean=False), RidgeClassifierCV(alphas=ALPHAS)
        )
        classifier.fit(rocket.fit_transform(gallery).to_numpy(), labels)
        scores = classifier.decision_function(rocket.transform(queries).to_numpy())
        return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


def _drop_empty(queries: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop coordinates that are zero in all series, such as those of a missing person."""
    used = queries.any(axis=(0, 2)) | gallery.any(axis=(0, 2))
    return queries[:, used], gallery[:, used]


def _import(name: str) -> ModuleType:
    """Import a module of the extra ``baselines``.

    Raises:
        InputError: If the module is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.split('.')[0]
        raise InputError(
            f'this baseline needs the package {package} ({error}): pip install "mmcmd[baselines]"'
        ) from None

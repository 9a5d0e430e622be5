"""A map of the gallery: t-SNE (van der Maaten and Hinton, 2008) of its features, kept in a file."""

import hashlib
import multiprocessing
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from mmcmd.io.files import replace_file

MOST_POINTS = 5000
"""Points of a map. A larger gallery is represented by evenly spaced motions."""
MAP_MAKER = 'mmcmd map maker'
"""Name of the process that makes a map."""
_TSNE, _PRINCIPAL = 't-SNE', 'principal components'
_FEWEST = 6  # motions; fewer have no t-SNE


class GalleryMap:
    """Makes the maps of the streams, one after the other, in a separate process.

    Until a map is ready, the first two principal components are shown.

    Args:
        features (dict[str, np.ndarray]): Unit vectors (N, D) by stream.
        folder (Path): Folder in which the maps are kept.
    """

    def __init__(self, features: dict[str, np.ndarray], folder: Path) -> None:
        self.folder = folder
        count = len(next(iter(features.values())))
        self.rows = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(int))
        self._features = features
        self._found: dict[str, tuple[str, bool, np.ndarray]] = {}
        self._lock, self._one_at_a_time = threading.Lock(), threading.Lock()

    def get(self, stream: str) -> tuple[str, bool, np.ndarray]:
        """Return the method, whether the map is final, and the places (N, 2) of :attr:`rows`.

        Places lie in [0, 1].

        Args:
            stream (str): Name of the stream. If it has no map yet, the computation starts.
        """
        with self._lock:
            if stream in self._found:
                return self._found[stream]
            features = self._features[stream][self.rows]
            path = self.folder / f'{stream}-{_digest(features)}.npy'
            places = _read(path, len(self.rows))
            if places is not None:
                self._found[stream] = _TSNE, True, places
            else:
                few = len(features) < _FEWEST
                places = _unit_square(_components(features))
                self._found[stream] = _PRINCIPAL, few, places
                if not few:
                    arguments = stream, features, path
                    threading.Thread(target=self._make, args=arguments, daemon=True).start()
            return self._found[stream]

    def _make(self, stream: str, features: np.ndarray, path: Path) -> None:
        context = multiprocessing.get_context('forkserver')
        arguments = features, str(path)
        process = context.Process(target=_make_map, args=arguments, name=MAP_MAKER, daemon=True)
        with self._one_at_a_time, suppress(OSError):
            process.start()
            process.join()
        places = _read(path, len(self.rows))
        with self._lock:
            if places is None:  # scikit-learn is missing, or the disk is full
                self._found[stream] = _PRINCIPAL, True, self._found[stream][2]
            else:
                self._found[stream] = _TSNE, True, places


def _digest(features: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(features)).hexdigest()[:16]


def _read(path: Path, count: int) -> np.ndarray | None:
    try:
        places = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = places.shape == (count, 2) and places.dtype == np.float32
    return places if fits and np.isfinite(places).all() else None


def _components(features: np.ndarray) -> np.ndarray:
    """Return the first two principal components (N, 2)."""
    centred = features.astype(np.float64) - features.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    places = np.zeros((len(features), 2))
    found = centred @ vectors[:, ::-1][:, :2]
    places[:, : found.shape[1]] = found
    return places


def _unit_square(places: np.ndarray) -> np.ndarray:
    low, size = places.min(axis=0), np.ptp(places, axis=0)
    return ((places - low) / np.where(size > 0, size, 1)).astype(np.float32)


def _make_map(features: np.ndarray, path: str) -> None:
    """Make a map and write it. This runs in the separate process."""
    import os

    os.nice(19)  # requests and the browser are more urgent, even than the imports
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(features) - 1) / 3)
    tsne = TSNE(metric='cosine', init='random', perplexity=perplexity, random_state=0)
    with threadpool_limits(1), replace_file(path) as file:
        np.save(file, _unit_square(tsne.fit_transform(features)))

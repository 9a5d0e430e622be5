"""The approximate index finds almost the same as the exact one; its recall is measured."""

import sys

import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.retrieval import MotionIndex
from mmcmd.retrieval.approximate import recall_of

COUNT = 2000


def clustered(count, seed):
    """Return features of 40 clusters in two streams."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(0)
    chosen = rng.integers(40, size=count)
    return {
        name: centres.normal(size=(40, size))[chosen] + 0.5 * rng.normal(size=(count, size))
        for name, size in (('joint', 12), ('bone', 8))
    }


@pytest.fixture
def index():
    return MotionIndex(clustered(COUNT, 1), [str(row) for row in range(COUNT)])


def rows_of(results):
    return np.array([[x.row for x in found] for found in results])


def test_recall_is_the_share_of_the_true_neighbours():
    found = np.array([[1, 2, 3, -1], [4, 5, 6, 7]])
    assert recall_of(found, np.array([[3, 9, 1, 8], [7, 6, 5, 4]])) == pytest.approx(6 / 8)


def test_recall_on_new_queries_is_the_measured_one(index, tmp_path):
    pytest.importorskip('faiss', reason='needs faiss-cpu: pip install "mmcmd[retrieval]"')
    facts = index.build_approximate(recall=0.95, k=10)
    assert facts['recall'] >= 0.95
    assert facts['probes'] < facts['cells']  # it does not search all cells
    queries = clustered(200, 2)
    exact, near = index.search(queries, 10), index.search(queries, 10, exact=False)
    assert recall_of(rows_of(near), rows_of(exact)) > 0.9
    assert near[0][0].similarity == pytest.approx(exact[0][0].similarity, abs=1e-5)
    index.save(tmp_path / 'index')
    opened = MotionIndex.open(tmp_path / 'index')
    assert opened.approximate.facts == facts
    np.testing.assert_array_equal(rows_of(opened.search(queries, 10, exact=False)), rows_of(near))
    with pytest.raises(InputError, match='compares the streams joint, bone together'):
        opened.search(queries, 10, 'joint', exact=False)


def test_exact_search_does_not_read_the_approximate_part(index, tmp_path):
    pytest.importorskip('faiss', reason='needs faiss-cpu: pip install "mmcmd[retrieval]"')
    index.build_approximate()
    index.save(tmp_path / 'index')
    (tmp_path / 'index/approximate.faiss').write_bytes(b'broken')
    opened, queries = MotionIndex.open(tmp_path / 'index'), clustered(3, 2)
    np.testing.assert_array_equal(
        rows_of(opened.search(queries, 5)), rows_of(index.search(queries, 5))
    )
    with pytest.raises(InputError):
        opened.search(queries, 5, exact=False)
    other = index.remove(['3'])
    other.save(tmp_path / 'index')
    with pytest.raises(InputError, match='has changed since it was opened'):
        opened.search(queries, 5, exact=False)


def test_changed_index_has_no_approximate_part(index):
    pytest.importorskip('faiss', reason='needs faiss-cpu: pip install "mmcmd[retrieval]"')
    index.build_approximate()
    assert index.remove(['3']).approximate is None


def test_missing_package_is_told(index, monkeypatch):
    monkeypatch.setitem(sys.modules, 'faiss', None)
    with pytest.raises(InputError, match=r'faiss-cpu .*pip install "mmcmd\[retrieval\]"'):
        index.build_approximate()

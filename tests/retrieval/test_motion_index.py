"""An index finds the same as a full comparison, and stores the identity of its encoder."""

import json

import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.retrieval import MotionIndex, combine

SIZES = {'joint': 6, 'bone': 4}


def features(count, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(count, size)) for name, size in SIZES.items()}


@pytest.fixture
def index():
    return MotionIndex(
        features(30),
        [f'm{row}' for row in range(30)],
        np.arange(30) % 3 - (np.arange(30) == 29),  # the last one has class 1
        [{'subject': row} for row in range(30)],
        classes=['a', 'b', 'c'],
        hashes={'joint': 'j1', 'bone': 'b1'},
    )


def cosines(queries, gallery, streams):
    total = 0
    for name in streams:
        a, b = (x[name] / np.linalg.norm(x[name], axis=1)[:, None] for x in (queries, gallery))
        total = total + a @ b.T
    return total / len(streams)


@pytest.mark.parametrize(
    ('stream', 'streams'),
    [(None, ['joint', 'bone']), ('2s', ['joint', 'bone']), ('bone', ['bone'])],
)
def test_search_finds_what_a_full_comparison_finds(index, stream, streams):
    queries = features(5, seed=1)
    expected = cosines(queries, features(30), streams)
    for row, found in enumerate(index.search(queries, 4, stream)):
        nearest = np.argsort(-expected[row])[:4]
        assert [x.row for x in found] == nearest.tolist()
        np.testing.assert_allclose([x.similarity for x in found], expected[row][nearest], atol=1e-6)
        first = found[0]
        assert first.name == f'm{first.row}'
        assert first.fields == {'subject': first.row}
        assert first.class_name == 'abc'[first.label]
        assert first.distance == pytest.approx(1 - first.similarity)


def test_search_of_many_queries_is_done_in_blocks(index, monkeypatch):
    from mmcmd.retrieval import search

    queries = features(25, seed=2)
    whole = index.search(queries, 3)
    monkeypatch.setattr(search, 'BLOCK', (4, 7))
    assert [[x.row for x in found] for found in index.search(queries, 3)] == [
        [x.row for x in found] for found in whole
    ]


def test_entries_that_are_left_out_are_not_found(index):
    found = index.search(index.entry('m4'), 3)[0]
    assert (found[0].name, found[0].similarity) == ('m4', pytest.approx(1))
    rest = index.search(index.entry('m4'), 2, without=['m4'])[0]
    assert [x.row for x in rest] == [x.row for x in found[1:]]


def test_smaller_index_gives_all_that_it_has(index):
    assert len(index.search(features(1), 100)[0]) == 30


def test_class_and_several_examples_are_the_mean_of_unit_vectors(index):
    rows = np.flatnonzero(index.labels == 2)
    for query in (index.of_class(2), index.of_class('c')):
        for name, x in index.vectors.items():
            mean = x[rows].mean(axis=0)
            np.testing.assert_allclose(query[name][0], mean / np.linalg.norm(mean), atol=1e-6)
    doubled = combine({name: np.stack([x[0], 5 * x[1]]) for name, x in index.vectors.items()})
    for name, x in index.vectors.items():
        mean = x[0] + x[1]
        np.testing.assert_allclose(doubled[name][0], mean / np.linalg.norm(mean), atol=1e-6)


def test_saved_index_is_opened_as_a_memory_map(index, tmp_path):
    index.save(tmp_path / 'index')
    opened = MotionIndex.open(tmp_path / 'index', {'joint': 'j1', 'bone': 'b1', 'motion': 'm1'})
    assert all(isinstance(x, np.memmap) for x in opened.vectors.values())
    queries = features(5, seed=1)
    assert opened.search(queries, 4) == index.search(queries, 4)
    assert (opened.classes, opened.hashes) == (index.classes, index.hashes)
    assert [dict(x) for x in opened.fields] == index.fields
    assert [path.name for path in tmp_path.iterdir()] == ['index']


def test_searching_does_not_change_the_files(index, tmp_path):
    index.save(tmp_path / 'index')
    before = {x.name: x.read_bytes() for x in (tmp_path / 'index').iterdir()}
    MotionIndex.open(tmp_path / 'index').search(features(5), 4)
    assert before == {x.name: x.read_bytes() for x in (tmp_path / 'index').iterdir()}


def test_entries_are_added_and_removed(index, tmp_path):
    index.save(tmp_path / 'index')
    opened = MotionIndex.open(tmp_path / 'index')
    more = MotionIndex(features(2, seed=5), ['x', 'y'], np.array([0, -1]))
    grown = opened.add(more)
    assert (len(grown), grown.names[-2:], grown.labels[-2:].tolist()) == (32, ['x', 'y'], [0, -1])
    assert grown.search(features(2, seed=5), 1)[1][0].name == 'y'
    left = grown.remove(['m3', 'x'])
    assert (len(left), left.names[3], left.names[-1]) == (30, 'm4', 'y')
    assert left.fields[3] == {'subject': 4}
    left.save(tmp_path / 'index')  # replaces the files from which it was read
    again = MotionIndex.open(tmp_path / 'index', index.hashes)
    assert again.names == left.names
    assert again.search(features(3, seed=1), 5) == left.search(features(3, seed=1), 5)
    with pytest.raises(InputError, match=r"two entries of the index are called 'm0'"):
        index.add(MotionIndex(features(1), ['m0']))
    with pytest.raises(InputError, match=r"size 4 in stream 'bone', but the new entries have none"):
        index.add(MotionIndex({'joint': np.ones((1, 6))}, ['z']))


def test_index_of_another_checkpoint_is_refused(index, tmp_path):
    index.save(tmp_path / 'index')
    with pytest.raises(InputError, match=r'made by another checkpoint .* j1, this one has j2'):
        MotionIndex.open(tmp_path / 'index', {'joint': 'j2', 'bone': 'b1'})
    with pytest.raises(InputError, match=r"has the stream 'bone', but the encoder has only joint"):
        MotionIndex.open(tmp_path / 'index', {'joint': 'j1'})
    with pytest.raises(InputError, match=r'made by another checkpoint'):
        index.add(MotionIndex(features(1), ['z'], hashes={'joint': 'j2', 'bone': 'b1'}))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda x: x.search(features(1), 0), 'k must be at least 1'),
        (lambda x: x.search(features(1), stream='motion'), "no stream 'motion' .*all: 2s"),
        (lambda x: x.search({'joint': np.ones((1, 6))}), "no stream 'bone'"),
        (lambda x: x.search({'joint': np.ones((1, 5))}, stream='joint'), 'size 5, but .* size 6'),
        (lambda x: x.entry('m99'), "no entry 'm99'"),
        (lambda x: x.of_class(7), 'no entry of class 7'),
        (lambda x: x.of_class('bb'), "no class 'bb'.*the classes are a, b, c"),
        (lambda x: x.search(features(1), exact=False), 'no approximate part; build'),
        (lambda x: MotionIndex(features(2), ['a']), 'as many vectors, labels and fields as names'),
    ],
)
def test_wrong_question_is_told(index, call, message):
    with pytest.raises(InputError, match=message):
        call(index)


def damage(folder, part):
    path = folder / part
    if part == 'index.json':
        said = json.loads(path.read_text())
        path.write_text(json.dumps(said | {'entries': 29}))
    else:
        path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    'part', ['index.json', 'vectors_1.npy', 'names.npy', 'labels.npy', 'lines.npy', 'fields.jsonl']
)
def test_damaged_index_is_told(index, tmp_path, part):
    index.save(tmp_path / 'index')
    damage(tmp_path / 'index', part)
    with pytest.raises(InputError, match=r'the index .* is damaged .*build it again'):
        MotionIndex.open(tmp_path / 'index')


def test_folder_that_is_no_index_is_kept(index, tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'notes.txt').write_text('mine')
    with pytest.raises(InputError, match=r'mine exists and is not an index'):
        index.save(tmp_path / 'mine')
    with pytest.raises(InputError, match=r'mine is not an index .*with: mmcmd index build'):
        MotionIndex.open(tmp_path / 'mine')
    assert (tmp_path / 'mine' / 'notes.txt').read_text() == 'mine'


def test_index_of_another_version_is_told(index, tmp_path):
    index.save(tmp_path / 'index')
    path = tmp_path / 'index' / 'index.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'version': 9}))
    with pytest.raises(InputError, match='index of version 9'):
        MotionIndex.open(tmp_path / 'index')

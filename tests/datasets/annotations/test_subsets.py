"""The subset that keeps its labels: drawn by seed and in proportion, saved and read again."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.annotations import subsets
from mmcmd.datasets.annotations.subsets import draw_per_class, draw_subset, read_subset
from mmcmd.errors import InputError

LABELS = [0] * 100 + [1] * 60 + [2] * 40
NAMES = [f's{index:03d}' for index in range(len(LABELS))]


def classes(subset):
    return Counter(LABELS[NAMES.index(name)] for name in subset)


def test_every_class_keeps_its_share():
    assert classes(draw_subset(NAMES, LABELS, 10)) == {0: 10, 1: 6, 2: 4}


@given(
    counts=st.lists(st.integers(1, 50), min_size=1, max_size=8),
    percent=st.floats(1, 100),
    seed=st.integers(0, 5),
)
def test_a_stratified_draw_is_within_one_of_every_exact_share(counts, percent, seed):
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    names = [str(index) for index in range(len(labels))]
    size = round(percent / 100 * len(names))
    try:
        subset = draw_subset(names, labels, percent, seed)
    except InputError:
        assert not size
        return
    assert subset == [name for name in names if name in set(subset)], 'in the order of the file'
    found = Counter(labels[int(name)] for name in subset)
    for label, count in enumerate(counts):
        assert found[label] >= 1
        assert abs(found[label] - size * count / len(names)) < 1
    assert len(subset) == size or 1 in found.values()


def test_one_percent_of_a_small_set_has_one_sample_of_each_class_and_says_so(monkeypatch):
    said = []
    monkeypatch.setattr(subsets, 'print_log', lambda text, *_: said.append(text))
    labels = [index % 27 for index in range(431)]
    names = [f's{index:03d}' for index in range(431)]
    subset = draw_subset(names, labels, 1)
    assert sorted(labels[names.index(name)] for name in subset) == list(range(27))
    assert '1 % of 431 samples are 4' in said[0]
    assert '27 samples (6.3 %) are drawn' in said[0]


def test_the_seed_alone_decides():
    assert draw_subset(NAMES, LABELS, 10, 3) == draw_subset(NAMES, LABELS, 10, 3)
    assert draw_subset(NAMES, LABELS, 10, 3) != draw_subset(NAMES, LABELS, 10, 4)
    assert draw_subset(NAMES, LABELS, 100) == NAMES


def test_every_sample_is_drawn_equally_often():
    draws = Counter(x for seed in range(400) for x in draw_subset(NAMES, LABELS, 10, seed))
    expected, sd = 40, (400 * 0.1 * 0.9) ** 0.5
    assert len(draws) == len(NAMES)
    assert max(abs(count - expected) for count in draws.values()) < 5 * sd


def test_without_stratification_all_are_drawn_alike():
    shares = np.array(
        [classes(draw_subset(NAMES, LABELS, 10, seed, False))[2] for seed in range(200)]
    )
    assert shares.std() > 1, 'the shares of a class differ'
    assert abs(shares.mean() - 4) < 0.5


@pytest.mark.parametrize(
    ('percent', 'message'),
    [
        (0, 'must lie in'),
        (101, 'must lie in'),
        (0.1, '0.1 % of 200 samples is none'),
    ],
)
def test_a_share_that_cannot_be_drawn_is_told(percent, message):
    with pytest.raises(InputError, match=message):
        draw_subset(NAMES, LABELS, percent)


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    seed=st.integers(0, 5),
    data=st.data(),
)
def test_a_draw_per_class_has_exactly_so_many_of_each(counts, seed, data):
    per_class = data.draw(st.integers(1, min(counts)))
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    names = [str(index) for index in range(len(labels))]
    subset = draw_per_class(names, labels, per_class, seed)
    assert Counter(labels[int(name)] for name in subset) == dict.fromkeys(
        range(len(counts)), per_class
    )
    assert subset == [name for name in names if name in set(subset)], 'in the order of the file'
    assert subset == draw_per_class(names, labels, per_class, seed)
    fewer = draw_per_class(names, labels, data.draw(st.integers(1, per_class)), seed)
    assert set(fewer) <= set(subset), 'a smaller draw of the seed is a part of it'


def test_draws_per_class_of_other_seeds_differ_and_take_every_sample():
    draws = [draw_per_class(NAMES, LABELS, 5, seed) for seed in range(200)]
    assert draws[0] != draws[1]
    assert {name for draw in draws for name in draw} == set(NAMES)


@pytest.mark.parametrize('per_class', [0, 41])
def test_a_number_per_class_that_cannot_be_drawn_is_told(per_class):
    message = rf'per_class={per_class} must lie .* smallest class, which are 40 \(class 2\)'
    with pytest.raises(InputError, match=message):
        draw_per_class(NAMES, LABELS, per_class)


@pytest.fixture
def make(tiny_pickle, mmcmd_scope):
    def make(**subset):
        return SkeletonDataset(str(tiny_pickle), [], split='xsub_train', subset=subset)

    return make


def test_dataset_keeps_what_was_drawn_and_finds_it_again(make, tmp_path):
    drawn = make(percent=40, seed=1)
    names = [drawn.get_data_info(index)['frame_dir'] for index in range(len(drawn))]
    assert names == drawn.subset_names
    assert len(names) == 6
    file = tmp_path / 'subset.txt'
    file.write_text('# six samples\n' + '\n'.join(names))
    assert make(file=str(file)).subset_names == names


def test_dataset_keeps_so_many_samples_of_each_class(make):
    drawn = make(per_class=2, seed=1)
    labels = [drawn.get_data_info(index)['label'] for index in range(len(drawn))]
    assert Counter(labels) == {0: 2, 1: 2, 2: 2, 3: 2}


def test_options_that_make_no_subset_are_told(make, tmp_path):
    with pytest.raises(InputError, match='must hold percent, seed, stratified, or per_class'):
        make(share=10)
    with pytest.raises(InputError, match=r"'percent': 10.* must hold percent, seed, stratified"):
        make(per_class=1, percent=10)
    with pytest.raises(InputError, match=r'there is no subset file .*none\.txt'):
        make(file=str(tmp_path / 'none.txt'))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('s000\nz9\n', '1 names are not in the split, such as z9'),
        ('# nothing\n', 'the file has no name'),
    ],
)
def test_a_file_that_names_other_samples_is_told(tmp_path, text, message):
    file = tmp_path / 'subset.txt'
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_subset(file, NAMES)

"""A validation holds out whole subjects, each subject once, and the same in every run."""

import pickle

import numpy as np
import pytest

from mmcmd.datasets import SkeletonDataset
from mmcmd.datasets.annotations.held_out import (
    fold_of_sequences,
    fold_values,
    match_values,
    sort_values,
)
from mmcmd.datasets.annotations.parts import choose_part
from mmcmd.datasets.annotations.store import open_annotations
from mmcmd.errors import InputError


@pytest.fixture
def write(tmp_path):
    """Return a function: fields of each sample -> path of a pickle; the last three are the test."""

    def write(*fields):
        rng = np.random.default_rng(0)
        annotations = [
            dict(
                frame_dir=f's{index}',
                label=index % 2,
                keypoint=rng.normal(size=(1, 3, 25, 3)).astype(np.float32),
                total_frames=3,
                **more,
            )
            for index, more in enumerate(fields)
        ]
        names = [sample['frame_dir'] for sample in annotations]
        split = {'xsub_train': names[:-3], 'xsub_val': names[-3:]}
        path = tmp_path / 'x.pkl'
        path.write_bytes(pickle.dumps(dict(annotations=annotations, split=split, layout='ntu')))
        return path

    return write


def names_of(path, split='xsub_train', **hold_out):
    dataset = SkeletonDataset(str(path), [], split=split, hold_out=hold_out)
    return [dataset.get_data_info(index)['frame_dir'] for index in range(len(dataset))]


@pytest.mark.parametrize('values', [list(range(1, 21)), list('abcdefg'), [3, 'b', 'a', 1, 2]])
def test_each_group_is_held_out_by_exactly_one_fold(values):
    folds = [fold_values(values * 3, fold) for fold in range(5)]
    assert sort_values([value for fold in folds for value in fold]) == sort_values(values)
    assert sum(map(len, folds)) == len(values)
    assert max(map(len, folds)) - min(map(len, folds)) <= 1
    assert folds[2] == fold_values(values[::-1], 2)


def test_folds_are_the_same_in_every_version():
    """The values of the recipe were chosen with these folds."""
    assert [fold_values([1, 3, 5, 7, 9], fold) for fold in range(5)] == FOLDS_OF_FIVE


FOLDS_OF_FIVE = [[5], [9], [7], [1], [3]]


def test_fewer_groups_than_folds_are_a_fold_each():
    assert {fold_values(['a', 'b', 'a'], fold)[0] for fold in (0, 1)} == {'a', 'b'}
    with pytest.raises(InputError, match='there is no fold 2; folds are 0 to 1'):
        fold_values(['a', 'b', 'a'], 2)


def test_sequences_of_nobody_are_drawn_class_by_class():
    labels = [0] * 10 + [1] * 5 + [2] * 7
    folds = np.stack([fold_of_sequences(labels, fold) for fold in range(5)])
    assert (folds.sum(axis=0) == 1).all()
    for label, count in ((0, 10), (1, 5), (2, 7)):
        held = folds[:, np.array(labels) == label].sum(axis=1)
        assert held.sum() == count
        assert held.max() - held.min() <= 1


def test_named_groups_exist_and_leave_both_parts_a_sequence():
    assert match_values(['10', 2], [2, 10, 3, 2], 'subject') == [2, 10]
    for texts, message in (
        (['4', '2'], 'there is no subject 4; the subjects are 2, 3, 10'),
        (['2', '3', '10'], 'all of them would be held out'),
        ([], 'none of them would be held out'),
    ):
        with pytest.raises(InputError, match=message):
            match_values(texts, [2, 10, 3, 2], 'subject')


def test_the_fold_and_the_rest_share_no_subject_and_no_test_sequence(write):
    path = write(*(dict(subject=index % 5) for index in range(15)), *[dict(subject=9)] * 3)
    held = names_of(path, fold=1, keep='held_out')
    rest = names_of(path, fold=1, keep='rest')
    assert sorted(held + rest) == sorted(f's{index}' for index in range(15))
    assert len(held) == 3
    subjects = [{int(name[1:]) % 5 for name in part} for part in (held, rest)]
    assert not subjects[0] & subjects[1]


def test_styles_take_the_place_of_subjects_that_nobody_knows(write, told):
    path = write(*(dict(style=f'style{index % 4}') for index in range(12)), *[{}] * 3)
    held = names_of(path, fold=0, keep='held_out')
    assert len({int(name[1:]) % 4 for name in held}) == 1
    assert len(held) == 3
    assert 'is held out; 3 of 12 sequences are used, those that are held out' in told.text
    assert 'style style' in told.text


def test_sequences_are_drawn_where_nobody_knows_who_performed_them(write):
    path = write(*[{}] * 20, *[{}] * 3)
    held = names_of(path, fold=4, keep='held_out')
    rest = names_of(path, fold=4, keep='rest')
    assert (len(held), len(rest)) == (4, 16)
    assert not set(held) & set(rest)
    assert sorted(int(name[1:]) % 2 for name in held) == [0, 0, 1, 1]


def test_one_subject_is_left_out_of_the_whole_file(write):
    path = write(*(dict(subject=index % 3) for index in range(9)))
    held = names_of(path, None, values=['2'], keep='held_out')
    assert held == ['s2', 's5', 's8']
    rest = names_of(path, None, values=['2'], keep='rest')
    assert rest == ['s0', 's1', 's3', 's4', 's6', 's7']


def test_classes_that_a_part_lacks_are_told(write, told):
    path = write(*(dict(subject=index % 2) for index in range(8)), *[{}] * 3)
    names_of(path, fold=0, keep='held_out')
    assert 'the held-out part has no sequence of classes ' in told.text


def test_what_cannot_be_held_out_is_told(write):
    path = write(*(dict(subject=index) for index in range(4)), {}, *[{}] * 3)
    for hold_out, message in (
        (dict(fold=0, keep='best'), "must be 'held_out' or 'rest', got 'best'"),
        (dict(values=[1], keep='rest'), 'have no subject or style'),
        (dict(values=[1], by='subject', keep='rest'), "s4 has no 'subject'; fields of the samples"),
        (dict(number=1, keep='rest'), 'must hold keep, fold or values'),
        (dict(fold=9, keep='rest'), 'there is no fold 9; folds are 0 to 4'),
    ):
        with pytest.raises(InputError, match=message):
            names_of(path, **hold_out)
    annotations = open_annotations(path)
    with pytest.raises(InputError, match='there is no subject 7; the subjects are 0, 1, 2, 3'):
        choose_part(annotations, np.arange(4), 'rest', values=[7])


def test_subset_is_drawn_from_the_rest(write):
    path = write(*(dict(subject=index % 5) for index in range(20)), *[{}] * 3)
    rest = names_of(path, fold=2, keep='rest')
    dataset = SkeletonDataset(
        str(path),
        [],
        split='xsub_train',
        hold_out=dict(fold=2, keep='rest'),
        subset=dict(percent=25),
    )
    assert len(dataset.subset_names) == 4
    assert set(dataset.subset_names) < set(rest)

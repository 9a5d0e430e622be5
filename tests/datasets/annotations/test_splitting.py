"""Splits by subject, by another field, and at random."""

import pytest

from mmcmd.datasets.annotations.splitting import split_by
from mmcmd.errors import InputError

SAMPLES = [
    dict(frame_dir=f's{index}', label=index % 2, total_frames=9, subject=index % 4, view='ab'[i2])
    for index, i2 in enumerate([0, 1] * 6)
]


def test_named_subjects_are_for_validation_and_all_others_for_training():
    splits = split_by(SAMPLES, 'subject', ['1', '3'])
    assert splits == {
        'xsub_train': ['s0', 's2', 's4', 's6', 's8', 's10'],
        'xsub_val': ['s1', 's3', 's5', 's7', 's9', 's11'],
    }


def test_split_by_another_field_has_its_name():
    splits = split_by(SAMPLES, 'view', ['b'])
    assert list(splits) == ['xview_train', 'xview_val']
    assert splits['xview_val'] == [f's{index}' for index in range(1, 12, 2)]


def test_random_split_takes_a_fifth_of_each_class():
    splits = split_by(SAMPLES, 'random')
    assert splits == split_by(SAMPLES, 'random')
    assert len(splits['random_train']) + len(splits['random_val']) == 12
    assert sorted(int(name[1:]) % 2 for name in splits['random_val']) == [0, 1]


def test_random_split_holds_out_one_of_two_sequences_and_never_the_only_one():
    samples = [
        dict(frame_dir=f'{label}{x}', label=label) for label in range(4) for x in range(label)
    ]
    held = [int(name[0]) for name in split_by(samples, 'random')['random_val']]
    assert sorted(held) == [2, 3]


@pytest.mark.parametrize(
    ('key', 'values', 'message'),
    [
        ('subject', ['0', '1', '2', '3'], 'all of them would be held out.*are 0, 1, 2, 3'),
        ('subject', ['7'], 'there is no subject 7; the subjects are 0, 1, 2, 3'),
        ('subject', [], 'none of them would be held out'),
        ('subject', None, 'needs --val-subjects, some of these subjects: 0, 1, 2, 3'),
        ('actor', ['1'], '12 of 12 samples have no field actor, such as s0; .*subject, view'),
        ('random', ['1'], '--split-by random takes no --val-subjects'),
    ],
)
def test_split_that_cannot_be_made_is_told(key, values, message):
    with pytest.raises(InputError, match=message):
        split_by(SAMPLES, key, values)


def test_random_split_of_too_few_sequences_is_told():
    with pytest.raises(InputError, match='random_val would be empty: no class has two sequences'):
        split_by([dict(frame_dir='a', label=0), dict(frame_dir='b', label=1)], 'random')

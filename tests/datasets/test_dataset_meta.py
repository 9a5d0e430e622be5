"""A data set gives the names of its classes to the checkpoint."""

import pickle

import pytest

from mmcmd.datasets import SkeletonDataset


@pytest.mark.parametrize(
    ('facts', 'expected'),
    [
        ({}, {}),
        (
            {'classes': ['wave', 'sit', 'jump', 'clap']},
            {'classes': ('wave', 'sit', 'jump', 'clap')},
        ),
        ({'classes': 'wave'}, {}),
        ({'synthetic': True}, {'synthetic': True}),
    ],
)
def test_facts_of_the_file_are_meta_information(tiny_pickle, tmp_path, facts, expected):
    data = pickle.loads(tiny_pickle.read_bytes()) | facts
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(data, protocol=4))
    dataset = SkeletonDataset(str(tmp_path / 'x.pkl'), [], split='xsub_train')
    assert dataset.metainfo == expected

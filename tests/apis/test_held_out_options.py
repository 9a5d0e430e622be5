"""Options of the tools hold out a part of the training split; no loader reads the test split."""

import pytest

from mmcmd.apis import load_config, loaders
from mmcmd.errors import InputError


@pytest.fixture
def datasets(root):
    """Return a function: config, arguments -> data set of each loader."""

    def read(config='cmd/cmd.py', **arguments):
        cfg = load_config(root / 'configs' / config, data='nwucla_xsub', **arguments)
        return {name: loader.dataset for name, loader in loaders(cfg).items()}

    return read


@pytest.mark.parametrize('config', ['cmd/cmd.py', 'benchmarks/linear.py', 'benchmarks/knn.py'])
def test_selection_reads_the_training_split_only(datasets, config):
    found = datasets(config, select=3, pretrained='random' if 'linear' in config else None)
    assert {dataset.split for dataset in found.values()} == {'xsub_train'}
    for name, dataset in found.items():
        is_reference = name == 'train_dataloader' or 'gallery' in name
        part = 'rest' if is_reference else 'held_out'
        assert dataset.hold_out == dict(fold=3, keep=part), name


def test_one_subject_is_tested_and_all_others_train(datasets):
    found = datasets(without='4')
    assert {dataset.split for dataset in found.values()} == {None}
    assert found['train_dataloader'].hold_out == dict(values=['4'], by='subject', keep='rest')
    assert found['test_dataloader'].hold_out == dict(values=['4'], by='subject', keep='held_out')
    assert found['val_cfg.gallery_dataloader'].hold_out.keep == 'rest'


def test_nothing_is_held_out_by_default(datasets):
    found = datasets()
    assert not any('hold_out' in dataset for dataset in found.values())
    assert found['test_dataloader'].split == 'xsub_val'


def test_parts_that_cannot_be_held_out_are_told(datasets):
    for arguments, message in (
        (dict(select=0, without='4'), 'use only one of them'),
        (dict(select=0, options={'train_dataloader.dataset.split': 'all'}), "has split='all'"),
        (
            dict(select=0, options={'val_dataloader.dataset.hold_out.fold': 1}),
            'already holds out training data',
        ),
    ):
        with pytest.raises(InputError, match=message):
            datasets(**arguments)

"""A pickle may be given instead of a data config."""

import pickle

import pytest

from mmcmd.apis import load_config
from mmcmd.errors import InputError


@pytest.fixture
def write(tiny_pickle, tmp_path):
    """Return a function: names of splits -> a pickle with these."""

    def write(*splits, labelled=True):
        data = pickle.loads(tiny_pickle.read_bytes())
        names = [x['frame_dir'] for x in data['annotations']]
        for sample in data['annotations'] if not labelled else ():
            sample['label'] = -1
        data['split'] = dict.fromkeys(splits, names)
        path = tmp_path / 'mine.pkl'
        path.write_bytes(pickle.dumps(data, protocol=4))
        return str(path)

    return write


def test_pickle_is_the_data_set_that_it_describes(root, write):
    path = write('abc_train', 'abc_val', 'all')
    cfg = load_config(root / 'configs/cmd/cmd.py', data=path)
    assert cfg.data.to_dict() == dict(
        name='mine',
        ann_file=path,
        split='abc',
        layout='ntu',
        num_classes=4,
        num_person=2,
        small=True,
    )
    assert cfg.train_dataloader.dataset.ann_file == path
    assert cfg.train_dataloader.dataset.split == 'abc_train'


def test_recordings_without_labels_need_no_split(root, write):
    cfg = load_config(root / 'configs/cmd/cmd.py', data=write('all', 'all_train', labelled=False))
    assert (cfg.data.split, cfg.train_dataloader.dataset.split) == ('all', 'all_train')


@pytest.mark.parametrize(
    'splits',
    [
        ('all',),
        ('all', 'all_train'),
        ('a_train', 'b_val'),
        ('a_train', 'a_val', 'b_train', 'b_val'),
    ],
)
def test_pickle_without_one_pair_of_splits_is_refused(root, write, splits):
    with pytest.raises(InputError, match=r'needs one pair of splits .* its splits are') as error:
        load_config(root / 'configs/cmd/cmd.py', data=write(*splits))
    assert all(name in str(error.value) for name in splits)
    remedy = 'write a data config that names the split' if len(splits) == 4 else '--split-by random'
    assert remedy in str(error.value)


def test_pickle_that_is_not_there_is_told(root):
    with pytest.raises(InputError, match=r'no annotation file /nowhere/mine\.pkl'):
        load_config(root / 'configs/cmd/cmd.py', data='/nowhere/mine.pkl')

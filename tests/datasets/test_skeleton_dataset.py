import pickle

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmcmd.datasets import SkeletonDataset, stack_inputs
from mmcmd.errors import InputError


@pytest.fixture(scope='module')
def pipelines(root):
    return Config.fromfile(root / 'configs' / '_base_' / 'pipelines' / 'cmd.py')


@pytest.fixture
def batches(load_epochs):
    """Return a function: workers, persistence -> the batches of two epochs of pre-training."""

    def load(num_workers, persistent=False):
        return load_epochs(batch_size=5, num_workers=num_workers, persistent_workers=persistent)

    return load


@pytest.mark.parametrize(
    ('num_workers', 'persistent'), [(1, False), (1, True), (2, False), (2, True)]
)
def test_batches_do_not_depend_on_the_workers(batches, num_workers, persistent):
    expected, found = (
        [batch for epoch in epochs for batch in epoch]
        for epochs in (batches(0), batches(num_workers, persistent))
    )
    for first, second in zip(expected, found, strict=True):
        assert torch.equal(first[0], second[0])
        assert first[1] == second[1]


def test_each_epoch_draws_other_batches(batches):
    first, second = (torch.cat([x for x, _ in epoch]).flatten(1) for epoch in batches(0))
    # Not only the order differs: no sequence has the same augmentation twice.
    assert torch.cdist(first, second).min() > 1e-3


def test_batch_is_views_persons_frames_joints_coordinates(batches):
    inputs, labels = batches(0)[0][0]
    assert inputs.shape == (5, 2, 2, 8, 25, 3)
    assert inputs.dtype == torch.float32
    assert not torch.equal(inputs[:, 0], inputs[:, 1])
    assert torch.isfinite(inputs).all()
    assert all(0 <= label.item() < 4 for label in labels)


@pytest.mark.parametrize('name', ['finetune_pipeline', 'test_pipeline'])
def test_downstream_sample_is_one_clip_with_its_label(tiny_pickle, pipelines, name, mmcmd_scope):
    dataset = SkeletonDataset(str(tiny_pickle), pipelines[name], split='xsub_val', clip_len=8)
    assert len(dataset) == 9
    sample = dataset[3]
    assert sample['inputs'].shape == (1, 2, 8, 25, 3)
    assert sample['data_samples'].gt_labels.item.tolist() == [(15 + 3) % 4]


def test_bare_index_always_gives_the_same_sample(tiny_pickle, pipelines, mmcmd_scope):
    dataset = SkeletonDataset(str(tiny_pickle), pipelines.pretrain_pipeline, clip_len=8)
    assert len(dataset) == 24
    first, second = (dataset[5]['inputs'] for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, dataset[6]['inputs'])


def write(path, **changes):
    keypoint = np.random.default_rng(0).normal(size=(2, 12, 25, 3))
    sample = {'frame_dir': 'a', 'label': 2, 'keypoint': keypoint, 'total_frames': 12}
    data = {'split': {'xsub_train': ['a']}, 'annotations': [sample]} | changes
    path.write_bytes(pickle.dumps(data))
    return str(path)


def test_pyskl_s_float16_file_loads_and_trains_in_float32(tmp_path, pipelines, mmcmd_scope):
    keypoint = np.random.default_rng(0).normal(size=(2, 12, 25, 3)).astype(np.float16)
    file = write(
        tmp_path / 'pyskl.pkl',
        annotations=[{'frame_dir': 'a', 'label': 2, 'keypoint': keypoint, 'total_frames': 12}],
    )
    dataset = SkeletonDataset(file, pipelines.pretrain_pipeline, split='xsub_train')
    sample = dataset[0]
    assert sample['inputs'].dtype == torch.float32
    assert sample['inputs'].shape == (2, 2, 64, 25, 3)
    assert torch.isfinite(sample['inputs']).all()


@pytest.mark.parametrize('dtype', ['<f2', '>f8', '<i4'])
def test_batch_of_a_normalised_file_is_float32_whatever_the_file_holds(
    tmp_path, pipelines, mmcmd_scope, dtype
):
    keypoint = (np.random.default_rng(0).normal(size=(2, 12, 25, 3)) * 9).astype(dtype)
    sample = {'frame_dir': 'a', 'label': 2, 'keypoint': keypoint, 'total_frames': 12}
    file = write(tmp_path / 'made.pkl', annotations=[sample] * 8, normalized=True)
    dataset = SkeletonDataset(file, pipelines.pretrain_pipeline)
    assert dataset.get_data_info(0)['normalized'] is True
    batch = stack_inputs([dataset[0, epoch, index] for epoch in (0, 1) for index in range(8)])
    assert batch['inputs'].shape == (16, 2, 2, 64, 25, 3)
    assert batch['inputs'].dtype == torch.float32
    whole = SkeletonDataset(file, pipelines.test_pipeline, clip_len=12)[0]['inputs'].numpy()
    np.testing.assert_array_equal(whole[0], keypoint.astype(np.float32))


def test_label_beyond_the_classes_is_told(tiny_pickle):
    with pytest.raises(InputError, match=r'sample03 is of class 3.* num_classes=3.* from 0'):
        SkeletonDataset(str(tiny_pickle), [], split='xsub_train', num_classes=3)
    assert len(SkeletonDataset(str(tiny_pickle), [], num_classes=4)) == 24


def test_sequences_without_a_label_are_left_out_where_labels_are_needed(tmp_path):
    keypoint = np.random.default_rng(0).normal(size=(1, 5, 25, 3))
    samples = [
        {'frame_dir': name, 'keypoint': keypoint, 'total_frames': 5, **more}
        for name, more in (('a', {'label': 2}), ('b', {}), ('c', {'label': -1}))
    ]
    split = {'mine_train': ['a', 'b', 'c'], 'mine_val': ['b', 'c']}
    file = write(tmp_path / 'some.pkl', annotations=samples, split=split)
    whole = SkeletonDataset(file, [], split='mine_train', num_classes=3)
    assert [whole.get_data_info(index)['label'] for index in range(3)] == [2, -1, -1]
    kept = SkeletonDataset(file, [], split='mine_train', labelled=True)
    assert [kept.get_data_info(index)['frame_dir'] for index in range(len(kept))] == ['a']
    with pytest.raises(InputError, match=r'no sequence of mine_val has a label.* --labels TABLE'):
        SkeletonDataset(file, [], split='mine_val', labelled=True)


def test_part_that_is_held_out_does_not_depend_on_labels(tmp_path):
    keypoint = np.random.default_rng(0).normal(size=(1, 5, 25, 3))
    samples = [
        {'frame_dir': f'{number}', 'keypoint': keypoint + number, 'total_frames': 5}
        | {'subject': number // 4, 'label': -1 if number % 2 else 1}
        for number in range(20)
    ]
    split = {'mine_train': [sample['frame_dir'] for sample in samples]}
    file = write(tmp_path / 'some.pkl', annotations=samples, split=split)
    names = [
        [dataset.get_data_info(index)['frame_dir'] for index in range(len(dataset))]
        for dataset in (
            SkeletonDataset(
                file, [], split='mine_train', labelled=x, hold_out=dict(fold=1, keep='held_out')
            )
            for x in (False, True)
        )
    ]
    assert len(names[0]) == 4
    assert names[1] == [name for name in names[0] if int(name) % 2 == 0]


def test_indices_and_a_late_start_work_as_in_every_data_set(tiny_pickle):
    late = SkeletonDataset(str(tiny_pickle), [], split='xsub_val', lazy_init=True, indices=[2, 0])
    assert [late.get_data_info(i)['frame_dir'] for i in (0, 1, -1)] == [
        'sample17',
        'sample15',
        'sample15',
    ]
    assert late.get_data_info(-1)['sample_idx'] == 1


def test_keypoint_and_label_pass_as_they_are(tmp_path):
    file = write(tmp_path / 'one.pkl')
    sample = SkeletonDataset(file, [lambda results: results], clip_len=20)[0]
    expected = np.random.default_rng(0).normal(size=(2, 12, 25, 3))
    assert np.array_equal(sample['keypoint'], expected)
    assert (sample['label'], sample['layout'], sample['clip_len']) == (2, 'ntu', 20)


def test_one_person_becomes_two_the_second_zero(tmp_path, pipelines, mmcmd_scope):
    keypoint = np.random.default_rng(0).normal(size=(1, 12, 25, 3))
    sample = {'frame_dir': 'a', 'label': 2, 'keypoint': keypoint, 'total_frames': 12}
    file = write(tmp_path / 'solo.pkl', annotations=[sample])
    for pipeline in (pipelines.pretrain_pipeline, pipelines.test_pipeline):
        inputs = SkeletonDataset(file, pipeline, clip_len=8)[0]['inputs']
        assert inputs.shape[1:] == (2, 8, 25, 3)
        assert inputs[:, 0].any()
        assert not inputs[:, 1].any()


def test_absent_split_lists_those_there_are(tiny_pickle):
    with pytest.raises(InputError, match=r"tiny\.pkl.*'xview_train'.*xsub_train, xsub_val"):
        SkeletonDataset(str(tiny_pickle), [], split='xview_train')


def test_layout_of_the_config_must_be_that_of_the_file(tmp_path, tiny_pickle):
    with pytest.raises(InputError, match=r"'ntu'.*layout='bandai2'.*`joints`: 25 and 21"):
        SkeletonDataset(str(tiny_pickle), [], layout='bandai2')
    # If a file names no layout, its number of joints is checked.
    with pytest.raises(InputError, match=r"25 joints.*layout='bandai2' \(21 joints\)"):
        SkeletonDataset(write(tmp_path / 'anonymous.pkl'), [], layout='bandai2')


def test_missing_file_says_which_command_makes_it(tmp_path):
    with pytest.raises(InputError, match=r'nothing\.pkl.*mmcmd convert'):
        SkeletonDataset(str(tmp_path / 'nothing.pkl'), [])

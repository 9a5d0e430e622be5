import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.structures import LabelData
from torch.utils.data import DataLoader

from mmcmd.datasets import stack_inputs
from mmcmd.structures import get_labels


def make_samples(number=5):
    return [
        dict(
            inputs=torch.full((2, 3), float(i)),
            data_samples=ActionDataSample(
                gt_labels=LabelData(item=torch.tensor([i + 10])), metainfo={'frame_dir': f's{i}'}
            ),
        )
        for i in range(number)
    ]


def test_batch_is_one_tensor_and_the_data_samples_in_order():
    batch = stack_inputs(make_samples())
    assert torch.equal(batch['inputs'], torch.arange(5.0)[:, None, None].expand(5, 2, 3))
    assert [x.metainfo['frame_dir'] for x in batch['data_samples']] == [
        's0',
        's1',
        's2',
        's3',
        's4',
    ]
    assert get_labels(batch['data_samples'], torch.device('cpu')).tolist() == [10, 11, 12, 13, 14]


def test_one_tensor_alone_crosses_from_a_worker():
    (batch,) = DataLoader(make_samples(), batch_size=5, num_workers=1, collate_fn=stack_inputs)
    assert batch['inputs'].is_shared()
    assert all(isinstance(x.gt_labels.item, np.ndarray) for x in batch['data_samples'])
    assert get_labels(batch['data_samples'], torch.device('cpu')).tolist() == [10, 11, 12, 13, 14]


def test_samples_without_labels_pass():
    samples = make_samples()
    for sample in samples:
        del sample['data_samples'].gt_labels
    assert len(stack_inputs(samples)['data_samples']) == 5

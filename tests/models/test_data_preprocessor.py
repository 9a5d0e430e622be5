import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.structures import LabelData

from mmcmd.models import SkeletonDataPreprocessor


@pytest.mark.parametrize('as_list', [False, True])
@pytest.mark.parametrize('dtype', [torch.float16, torch.float32, torch.float64])
def test_inputs_become_one_tensor_of_float32(as_list, dtype):
    inputs = torch.arange(24).reshape(4, 3, 2).to(dtype)
    batch = {'inputs': list(inputs) if as_list else inputs}
    found = SkeletonDataPreprocessor()(batch)['inputs']
    assert found.dtype == torch.float32
    assert torch.equal(found, inputs.float())
    assert len(batch['inputs']) == 4  # the loader's own batch stays as it is


def test_inputs_go_to_the_device_and_data_samples_stay():
    preprocessor = SkeletonDataPreprocessor().to('meta')
    samples = [ActionDataSample(gt_labels=LabelData(item=np.array([3])))]
    batch = preprocessor({'inputs': torch.ones(1, 2), 'data_samples': samples}, training=True)
    assert batch['inputs'].device.type == 'meta'
    assert batch['data_samples'] is samples
    assert torch.equal(samples[0].gt_labels.item, torch.tensor([3]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_pinned_inputs_are_copied_right():
    inputs = torch.randn(64, 2, 2, 64, 25, 3).pin_memory()
    found = SkeletonDataPreprocessor().cuda()({'inputs': inputs})['inputs']
    assert torch.equal(found.cpu(), inputs)

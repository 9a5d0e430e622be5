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
    assert len(batch['inputs']) == 4  # the loader's batch does not change


def test_inputs_go_to_the_device_and_data_samples_stay():
    preprocessor = SkeletonDataPreprocessor().to('meta')
    samples = [ActionDataSample(gt_labels=LabelData(item=np.array([3])))]
    batch = preprocessor({'inputs': torch.ones(1, 2), 'data_samples': samples}, training=True)
    assert batch['inputs'].device.type == 'meta'
    assert batch['data_samples'] is samples
    assert torch.equal(samples[0].gt_labels.item, torch.tensor([3]))


@pytest.mark.gpu
@pytest.mark.parametrize('workers', [0, 2])
def test_batches_of_a_store_come_pinned_and_are_copied_without_waiting(
    make_runner, tiny_options, tmp_path, workers
):
    options = {'num_workers': workers, 'pin_memory': True, 'batch_size': 7}
    options = tiny_options | {f'train_dataloader.{name}': x for name, x in options.items()}
    runner = make_runner('cmd/cmd_bigru_ntu60_xsub.py', tmp_path, options)
    preprocessor = SkeletonDataPreprocessor().cuda()
    batches = list(runner.build_dataloader(runner._train_dataloader, seed=0))
    assert len(batches) == 2
    for batch in batches:
        inputs = batch['inputs']
        assert inputs.is_pinned()
        torch.cuda.set_sync_debug_mode('error')
        try:
            found = preprocessor(batch)['inputs']
        finally:
            torch.cuda.set_sync_debug_mode('default')
        assert torch.equal(found.cpu(), inputs)

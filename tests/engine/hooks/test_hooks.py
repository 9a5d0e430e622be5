from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from mmcmd.engine.hooks.frozen_encoder_hook import digest
from mmcmd.engine.hooks.plain_checkpoint_hook import to_plain


def test_numpy_values_become_plain_ones_at_any_depth():
    value = {'a': [np.float64(0.5), (np.int64(3), 'x')], 'b': OrderedDict(c=np.arange(3.0))}
    plain = to_plain(value)
    assert plain['a'] == [0.5, (3, 'x')]
    assert type(plain['a'][0]) is float
    assert type(plain['a'][1][0]) is int
    assert plain['b']['c'].dtype == torch.float64
    assert plain['b']['c'].tolist() == [0, 1, 2]


@pytest.mark.parametrize('part', ['0.weight', '1.running_var', '1.num_batches_tracked'])
def test_digest_sees_the_smallest_change_of_any_tensor(part):
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = digest(module)
    tensor = module.state_dict()[part].view(-1)
    if tensor.is_floating_point():
        tensor[0] = torch.nextafter(tensor[0], torch.tensor(10.0))
    else:
        tensor += 1
    after = digest(module)
    assert [name for name in before if before[name] != after[name]] == [part]

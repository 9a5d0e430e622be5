import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.io.authors.stgcn import rename_stgcn, rename_stgcn_state


@pytest.mark.parametrize(
    ('theirs', 'ours'),
    [
        ('data_bn.running_mean', 'data_bn.running_mean'),
        ('edge_importance.9', 'gcn.9.gcn.PA'),
        ('st_gcn_networks.3.gcn.conv.bias', 'gcn.3.gcn.conv.bias'),
        ('st_gcn_networks.3.tcn.0.num_batches_tracked', 'gcn.3.gcn.bn.num_batches_tracked'),
        ('st_gcn_networks.3.tcn.2.weight', 'gcn.3.tcn.conv.weight'),
        ('st_gcn_networks.3.tcn.3.weight', 'gcn.3.tcn.bn.weight'),
        ('st_gcn_networks.4.residual.0.weight', 'gcn.4.residual.conv.weight'),
        ('st_gcn_networks.9.residual.1.running_var', 'gcn.9.residual.bn.running_var'),
    ],
)
def test_released_names_become_those_of_our_blocks(theirs, ours):
    assert rename_stgcn(theirs) == ours


@pytest.mark.parametrize('name', ['A', 'fc.0.weight', 'encoder_q.data_bn.weight', 'tcn.2.weight'])
def test_other_names_are_told(name):
    with pytest.raises(InputError, match=f'{name!r} is not a tensor of the ST-GCN'):
        rename_stgcn(name)


def test_the_one_adjacency_goes_to_every_block():
    adjacency, importance = torch.ones(3, 2, 2), torch.zeros(3, 2, 2)
    state = {'A': adjacency, 'edge_importance.0': importance, 'edge_importance.1': importance}
    found = rename_stgcn_state(state)
    assert set(found) == {f'gcn.{b}.gcn.{x}' for b in (0, 1) for x in ('A', 'PA')}
    assert found['gcn.1.gcn.A'] is adjacency

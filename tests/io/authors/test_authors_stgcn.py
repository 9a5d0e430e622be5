import pytest
import torch

from mmcmd.io.authors import rename_authors_state


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
    renamed = rename_authors_state('skeletonclr', {f'encoder_q.{theirs}': torch.zeros(1)})
    assert list(renamed) == [f'encoders.joint.backbone.{ours}']

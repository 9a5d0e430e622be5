_base_ = [
    '../../_base_/datasets/bandai2_xstyle.py',
    '../../_base_/models/linear_bigru.py',
    '../../_base_/schedules/linear.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})
model = dict(
    layout={{_base_.layout}},
    backbone=dict(
        num_joints={{_base_.num_joints}},
        hidden_size=128,
        num_layers=1,
        mode='bidirectional',
        readout='mean',
    ),
    head=dict(in_channels=256, num_classes={{_base_.num_classes}}),
)

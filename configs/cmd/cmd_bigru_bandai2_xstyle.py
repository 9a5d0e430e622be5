# A recipe for small data on a CPU: a small encoder that reads all of time, a small queue.
_base_ = [
    '../_base_/datasets/bandai2_xstyle.py',
    '../_base_/models/cmd_bigru.py',
    '../_base_/schedules/pretrain.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})
val_cfg = test_cfg = dict(gallery_dataloader=dict(dataset={{_base_.train_set}}))
model = dict(
    layout={{_base_.layout}},
    backbone=dict(
        num_joints={{_base_.num_joints}},
        hidden_size=128,
        num_layers=1,
        mode='bidirectional',
        readout='mean',
    ),
    neck=dict(in_channels=256),
    head=dict(queue_size=1024),
    distill_head=dict(topk=512),
    momentum=0.01,
)

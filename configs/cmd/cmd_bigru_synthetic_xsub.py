_base_ = [
    '../_base_/datasets/synthetic_xsub.py',
    '../_base_/models/cmd_bigru_small.py',
    '../_base_/schedules/pretrain_small.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})
val_cfg = test_cfg = dict(gallery_dataloader=dict(dataset={{_base_.train_set}}))
model = dict(layout={{_base_.layout}}, backbone=dict(num_joints={{_base_.num_joints}}))
train_cfg = dict(max_epochs=30, val_interval=6)
param_scheduler = [dict(type='MultiStepLR', milestones=[24], gamma=0.1, by_epoch=True)]

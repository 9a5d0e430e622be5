_base_ = [
    '../_base_/encoders/bigru_small.py',
    '../_base_/datasets/synthetic_xsub.py',
    '../_base_/models/cmd_small.py',
    '../_base_/schedules/pretrain_small.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})
val_cfg = test_cfg = dict(gallery_dataloader=dict(dataset={{_base_.train_set}}))
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}})
train_cfg = dict(max_epochs=30)
param_scheduler = [dict(type='MultiStepLR', milestones=[24], gamma=0.1, by_epoch=True)]

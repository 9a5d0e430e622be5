_base_ = [
    '../_base_/encoders/bigru_small.py',
    '../_base_/datasets/syntheticpku_xsub.py',
    '../_base_/models/cmd_small.py',
    '../_base_/schedules/pretrain_small.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})
val_cfg = test_cfg = dict(gallery_dataloader=dict(dataset={{_base_.train_set}}))
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}})

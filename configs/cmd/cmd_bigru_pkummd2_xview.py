_base_ = [
    '../_base_/encoders/bigru.py',
    '../_base_/datasets/pkummd2_xview.py',
    '../_base_/models/cmd.py',
    '../_base_/schedules/pretrain_pkummd2.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})
val_cfg = test_cfg = dict(gallery_dataloader=dict(dataset={{_base_.train_set}}))
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}})

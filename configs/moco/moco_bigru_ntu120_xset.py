# CMD with one modality and nothing to distil is MoCo v2.
_base_ = [
    '../_base_/datasets/ntu120_xset.py',
    '../_base_/models/cmd_bigru.py',
    '../_base_/schedules/pretrain.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})
val_cfg = test_cfg = dict(gallery_dataloader=dict(dataset={{_base_.train_set}}))
model = dict(modalities=('joint',), distill_head=None)

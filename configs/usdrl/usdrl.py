# USDRL (AAAI 2025, https://arxiv.org/abs/2412.09220): decorrelated features at three granularities.
# The published encoders are dste and sttr. For PKU-MMD II use batches of 512 and 1201 epochs, with
# a drop of the learning rate at epoch 801.
_base_ = ['../_base_/pretrain.py', '../_base_/pipelines/usdrl.py']
default_encoder = 'dste'

model = dict(type='USDRL', modalities=('joint',), weights=(5.0, 1.0, 0.001), half_weight=0.5)
train_dataloader = dict(
    batch_size=356, dataset=dict(pipeline=_base_.pretrain_pipeline, clip_len=_base_.clip_len)
)
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4, weight_decay=1e-5))
train_cfg = dict(max_epochs=451, val_interval=50)
param_scheduler = [dict(type='MultiStepLR', milestones=[351], gamma=0.1, by_epoch=True)]

# For small data on a CPU.
_base_ = './pretrain.py'

train_dataloader = dict(num_workers=1)
val_dataloader = test_dataloader = dict(num_workers=1)
val_cfg = test_cfg = dict(gallery_dataloader=dict(num_workers=1))
train_cfg = dict(max_epochs=60, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=0.05))
param_scheduler = [dict(type='MultiStepLR', milestones=[45], gamma=0.1, by_epoch=True)]

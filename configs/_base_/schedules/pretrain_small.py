# For small data on a CPU: a few minutes with Adam.
budget = 'small'
_base_ = './pretrain.py'

train_dataloader = dict(num_workers=1)
val_dataloader = test_dataloader = dict(num_workers=1)
val_cfg = test_cfg = dict(gallery_dataloader=dict(num_workers=1))
train_cfg = dict(max_epochs=18, val_interval=6)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=0.002, weight_decay=1e-5))
param_scheduler = [dict(type='MultiStepLR', milestones=[15], gamma=0.1, by_epoch=True)]

# For small data on a CPU.
budget = 'small'
_base_ = './linear.py'

train_dataloader = dict(num_workers=1)
val_dataloader = test_dataloader = dict(num_workers=1)
train_cfg = dict(max_epochs=15, val_interval=5)
param_scheduler = [dict(type='MultiStepLR', milestones=[10, 13], gamma=0.1, by_epoch=True)]

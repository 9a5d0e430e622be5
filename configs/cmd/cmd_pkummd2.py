# Sec. 4.1 of CMD: 1000 epochs on PKU-MMD II. The learning rate drops at epoch 800.
_base_ = './cmd.py'
train_cfg = dict(max_epochs=1000, val_interval=100)
param_scheduler = [dict(type='MultiStepLR', milestones=[800], gamma=0.1, by_epoch=True)]

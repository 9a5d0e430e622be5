# The schedule of CMD on PKU-MMD II: 1000 epochs. The learning rate drops at epoch 800.
_base_ = './crossclr_b.py'
model = dict(cross_epoch=500)
train_cfg = dict(max_epochs=1000, val_interval=100)
param_scheduler = [dict(type='MultiStepLR', milestones=[800], gamma=0.1, by_epoch=True)]

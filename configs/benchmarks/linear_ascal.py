# Linear evaluation of AS-CAL: 90 epochs with Nesterov momentum and lr 1, halved four times.
_base_ = './linear.py'

train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=1.0, nesterov=True))
train_cfg = dict(max_epochs=90)
param_scheduler = [dict(type='MultiStepLR', milestones=[15, 35, 60, 75], gamma=0.5, by_epoch=True)]

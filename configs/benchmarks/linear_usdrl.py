# Linear evaluation of USDRL: 160 epochs with batches of 512. The learning rate is 0.03 for NTU-60
# x-view and 0.01 for PKU-MMD II.
_base_ = './linear.py'

train_dataloader = dict(batch_size=512)
optim_wrapper = dict(optimizer=dict(lr=0.006))
train_cfg = dict(max_epochs=160)
param_scheduler = [dict(type='MultiStepLR', milestones=[120, 140], gamma=0.1, by_epoch=True)]
small = dict(train_dataloader=dict(batch_size=64))

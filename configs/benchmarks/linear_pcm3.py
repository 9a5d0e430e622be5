# Linear evaluation of PCM3, with the defaults of the released file: batches of 1024, 100 epochs.
_base_ = './linear.py'

train_dataloader = dict(batch_size=1024)
train_cfg = dict(max_epochs=100)
param_scheduler = [dict(type='MultiStepLR', milestones=[20, 50, 80], gamma=0.1, by_epoch=True)]
small = dict(train_dataloader=dict(batch_size=64))

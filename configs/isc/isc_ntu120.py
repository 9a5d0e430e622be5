# The schedule of ISC on NTU RGB+D 120. The released second drop, in epoch 351, is never reached.
_base_ = './isc.py'

train_cfg = dict(max_epochs=351)
param_scheduler = [dict(type='MultiStepLR', milestones=[251], gamma=0.1, by_epoch=True)]

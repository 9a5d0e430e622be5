# The schedule of ISC on NTU RGB+D 120. The released config has a second drop of the learning rate
# in epoch 351, which the training never reaches.
_base_ = './isc.py'

train_cfg = dict(max_epochs=351)
param_scheduler = [dict(type='MultiStepLR', milestones=[251], gamma=0.1, by_epoch=True)]

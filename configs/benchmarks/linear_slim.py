# Linear evaluation of SLiM: the class tokens of 4 blocks and the mean of the others, summed over
# persons; 20,000 steps with batches of 64. The authors train a grid of 52 classifiers and report
# the best one on the test split. This one, with their largest learning rate (0.1 * 64 / 256), was
# not chosen on it.
_base_ = './linear.py'
default_encoder = 'rotary'

encoder_options = dict(
    backbone=dict(class_layers=4, with_patches=True), pooling=dict(type='PersonPooling')
)
train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=0.025))
train_cfg = dict(epoch_steps=1000, max_epochs=20)
param_scheduler = [dict(type='WarmupCosineLR', convert_to_iter_based=True)]
small = dict(train_cfg=dict(epoch_steps=None))

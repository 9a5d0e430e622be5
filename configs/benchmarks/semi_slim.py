# Semi-supervised evaluation of SLiM with 1 % of the labels: the whole network, the encoder with a
# hundredth of the learning rate of the classifier; 20,000 steps with batches of 256. For 10 % set
# train_dataloader.dataset.subset.percent.
_base_ = './semi.py'
default_encoder = 'rotary'

encoder_options = dict(
    backbone=dict(class_layers=1, with_patches=True), pooling=dict(type='PersonPooling')
)
train_dataloader = dict(batch_size=256)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(encoders=dict(lr_mult=0.01))),
)
train_cfg = dict(epoch_steps=1000, max_epochs=20)
param_scheduler = [dict(type='WarmupCosineLR', convert_to_iter_based=True)]
small = dict(train_cfg=dict(epoch_steps=None))

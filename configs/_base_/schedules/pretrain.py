# Sec. 4.1: SGD, batch 64, 450 epochs with one drop of the learning rate; nearest neighbours in the
# training split meanwhile. A config that inherits says the gallery's `dataset`.
budget = 'paper'
_base_ = ['../default_runtime.py', '../loaders.py']

train_dataloader = dict(
    drop_last=True,
    sampler=dict(drop_last=True),
    dataset=dict(pipeline={{_base_.pretrain_pipeline}}),
)
train_cfg = dict(type='ResumableEpochLoop', max_epochs=450, val_interval=50)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[350], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(enable=False, base_batch_size=64)

val_cfg = dict(type='KNNValLoop', gallery_dataloader={{_base_.val_dataloader}})
test_cfg = dict(type='KNNTestLoop', gallery_dataloader={{_base_.val_dataloader}})
val_evaluator = test_evaluator = dict(type='KNNMetric', k=1)
default_hooks = dict(checkpoint=dict(save_best='knn/top1', rule='greater'))

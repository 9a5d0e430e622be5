# Linear evaluation, Sec. 4.3: 80 epochs, lr 0.1 dropped at 50 and 70, no weight decay. Every epoch
# encodes a new random crop of each sequence; train_cfg.type=CachedFeatureLoop takes a few in turn.
budget = 'paper'
_base_ = ['../default_runtime.py', '../loaders.py']

train_cfg = dict(type='ResumableEpochLoop', max_epochs=80, val_interval=5)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0))
param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(enable=False, base_batch_size=64)

val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
val_evaluator = test_evaluator = dict(type='MultiStreamAccuracy')
custom_hooks = [dict(type='FrozenEncoderHook')]

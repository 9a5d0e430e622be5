# Linear evaluation, Sec. 4.3 of CMD: 80 epochs with lr 0.1, which drops at epochs 50 and 70, and no
# weight decay. Every epoch encodes a new random crop of each sequence. With
# train_cfg.type=CachedFeatureLoop, a few crops are encoded once and used in turns.
# python tools/train.py configs/benchmarks/linear.py --pretrained CHECKPOINT
_base_ = '../_base_/evaluate.py'

model = dict(frozen=True)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0))
train_cfg = dict(max_epochs=80, val_interval=5)
param_scheduler = [dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1, by_epoch=True)]
custom_hooks = [dict(type='FrozenEncoderHook')]
small = dict(
    train_cfg=dict(max_epochs=15, val_interval=5),
    param_scheduler=[dict(type='MultiStepLR', milestones=[10, 13], gamma=0.1, by_epoch=True)],
)

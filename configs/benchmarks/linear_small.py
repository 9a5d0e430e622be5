# Linear evaluation for small data: 1,000 steps on any data set. The features of ten crops are
# encoded once. A BatchNorm without weights standardises them, so the learning rate fits any scale.
# python tools/train.py configs/benchmarks/linear_small.py --pretrained CHECKPOINT
_base_ = './linear.py'

budget = 'small'
model = dict(head=dict(with_norm=True))
train_dataloader = dict(num_workers=1)
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader
train_cfg = dict(
    type='CachedFeatureLoop', num_crops=10, epoch_steps=100, max_epochs=10, val_interval=10
)
optim_wrapper = dict(optimizer=dict(weight_decay=1e-3))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, eta_min=0)]
small = dict(_delete_=True)

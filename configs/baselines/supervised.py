# Supervised training from scratch on small data, with the optimiser of the small pre-trainings. For
# n labels of each class set train_dataloader.dataset.subset.per_class=n.
# python tools/train.py configs/baselines/supervised.py --data DATA --encoder stgcnpp
_base_ = '../benchmarks/supervised.py'

# 600 steps.
train_cfg = dict(epoch_steps=25, max_epochs=24, val_interval=8)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=0.002, weight_decay=1e-5))
param_scheduler = [dict(type='MultiStepLR', milestones=[20], gamma=0.1, by_epoch=True)]
custom_hooks = [*_base_.custom_hooks, dict(type='SubsetHook')]
small = dict(train_cfg=dict(max_epochs=24, val_interval=8), param_scheduler=param_scheduler)

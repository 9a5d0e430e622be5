# Fine-tuning with 1 % of the labels. For 5, 10 or 20 % set
# train_dataloader.dataset.subset.percent.
# python tools/train.py configs/benchmarks/semi.py --pretrained CHECKPOINT
_base_ = './finetune.py'

train_dataloader = dict(dataset=dict(subset=dict(percent=1)))
custom_hooks = [*_base_.custom_hooks, dict(type='SubsetHook')]
small = dict(
    train_cfg=dict(max_epochs=80, val_interval=20),
    param_scheduler=[dict(type='MultiStepLR', milestones=[50, 70], gamma=0.1, by_epoch=True)],
)

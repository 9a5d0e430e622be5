# Fine-tuning of MAMP and STARS with 1 % of the labels. For 10 % set
# train_dataloader.dataset.subset.percent.
_base_ = './finetune_mamp.py'

train_dataloader = dict(dataset=dict(subset=dict(percent=1)))
custom_hooks = [*_base_.custom_hooks, dict(type='SubsetHook')]

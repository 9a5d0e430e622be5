# Fine-tuning of AimCLR with 1 % of the labels. The released code augments the sequences for this
# evaluation; this config does not.
_base_ = './finetune_clr.py'

train_dataloader = dict(dataset=dict(subset=dict(percent=1)))
custom_hooks = [*_base_.custom_hooks, dict(type='SubsetHook')]

# Fine-tuning of AimCLR: encoders stay in eval() (running statistics, no dropout), lr 0.1.
_base_ = './finetune.py'

model = dict(norm_eval=True, head=dict(init_std=0.02))
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=0.1))

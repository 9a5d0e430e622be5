# Linear evaluation of MAMP and STARS: 100 epochs, the learning rate falls to 0 by a cosine in each
# iteration. For PKU-MMD II the batch is 16 and the learning rate 0.01.
_base_ = './linear.py'

model = dict(head=dict(with_norm=True, norm_eps=1e-6))
train_dataloader = dict(batch_size=256)
train_cfg = dict(max_epochs=100)
param_scheduler = [dict(type='WarmupCosineLR', convert_to_iter_based=True)]

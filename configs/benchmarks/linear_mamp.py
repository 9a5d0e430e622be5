# Linear evaluation of MAMP and STARS: 100 epochs. The learning rate changes in each iteration and
# falls to 0 along a cosine. For PKU-MMD II use batches of 16 and the learning rate 0.01.
_base_ = './linear.py'

model = dict(head=dict(with_norm=True, norm_eps=1e-6))
train_dataloader = dict(batch_size=256)
train_cfg = dict(max_epochs=100)
param_scheduler = [dict(type='WarmupCosineLR', convert_to_iter_based=True)]

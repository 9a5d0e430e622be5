# Linear evaluation of SkeletonCLR, CrosSCLR and AimCLR: 100 epochs with lr 3, which drops at epoch
# 80. For three streams, CrosSCLR uses model.joint_loss=True, and AimCLR uses the fusion below.
_base_ = './linear.py'

model = dict(
    head=dict(init_std=0.02),
    fusion=dict(softmax=False, weights=dict(joint=0.6, bone=0.6, motion=0.4)),
)
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=3.0))
train_cfg = dict(max_epochs=100)
param_scheduler = [dict(type='MultiStepLR', milestones=[80], gamma=0.1, by_epoch=True)]

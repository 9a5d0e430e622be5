# SkeletonCLR (CVPR 2021, https://arxiv.org/abs/2104.14466): MoCo v2 on single streams. This config
# trains three streams at once. The schedule is that of CrosSCLR, because no config of SkeletonCLR
# was released. The published encoder is --encoder stgcn_clr.
_base_ = '../_base_/pretrain_frame50.py'

model = dict(
    type='SkeletonCLR',
    modalities=('joint', 'motion', 'bone'),
    neck=dict(type='ProjectionNeck', out_channels=128),
    init_cfg=dict(type='Normal', layer='Linear', std=0.02),
    queue=dict(type='KeyQueue', size=32768),
    head=dict(type='MoCoHead', temperature=0.07),
    momentum=0.001,
    copy_keys=False,  # as released with stgcn_clr: key encoders have other random weights
)
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4))
train_cfg = dict(max_epochs=300, val_interval=50)
param_scheduler = [dict(type='MultiStepLR', milestones=[250], gamma=0.1, by_epoch=True)]
# For small data: a small queue, and a larger momentum, so that the key encoders change faster.
small = dict(model=dict(queue=dict(size=1024), momentum=0.01))

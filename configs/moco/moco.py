# MoCo v2 on skeletons, the baseline of CMD (ECCV 2022, Sec. 4.1): CMD without distillation. It
# trains with SGD for 450 epochs, and the learning rate drops once.
# python tools/train.py configs/moco/moco.py --data ntu60_xsub --encoder bigru
_base_ = '../_base_/pretrain_cmd.py'

model = dict(
    type='CMD',
    modalities=('joint',),
    neck=dict(type='ProjectionNeck', out_channels=128),
    queue=dict(type='KeyQueue', size=16384),
    head=dict(type='MoCoHead', temperature=0.07),
    momentum=0.001,
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
train_cfg = dict(max_epochs=450, val_interval=50)
param_scheduler = [dict(type='MultiStepLR', milestones=[350], gamma=0.1, by_epoch=True)]
# For small data: a small queue, and a larger momentum, so that the key encoders change faster.
small = dict(model=dict(queue=dict(size=1024), momentum=0.01))

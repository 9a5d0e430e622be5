# AimCLR (AAAI 2022, https://arxiv.org/abs/2112.03590): a third, extremely augmented view, and
# mining of positives from epoch 150 on. The streams are independent; the paper trains each alone.
_base_ = '../skeletonclr/skeletonclr.py'

model = dict(type='AimCLR', mining_epoch=150, topk=1, keep=0.7)
__extreme_view = [
    *_base_.normal_view[:-1],
    dict(type='RandomApply', transforms=[dict(type='JointFlip')], prob=0.5),
    dict(type='RandomRotation'),
    dict(type='RandomApply', transforms=[dict(type='GaussianNoise', std=0.01)], prob=0.5),
    dict(type='RandomApply', transforms=[dict(type='TemporalBlur')], prob=0.5),
    dict(type='RandomApply', transforms=[dict(type='AxisMask')], prob=0.5),
    _base_.as_clip,
]
pretrain_pipeline = [
    *_base_.pretrain_pipeline[:-2],
    dict(
        type='MultiView',
        views=[
            dict(transforms=__extreme_view),
            dict(num_views=2, transforms=_base_.normal_view),
        ],
    ),
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=pretrain_pipeline))
small = dict(model=dict(mining_epoch=9))

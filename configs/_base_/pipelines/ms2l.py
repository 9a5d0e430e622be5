# The data of MS2L: the arrays of 2s-AGCN. Bodies are turned upright and forward. A sequence is
# repeated until there are 300 frames, and its own frames are the valid ones. No augmentation.
_base_ = './pack.py'
clip_len = 300
__frames = [dict(type='NormalizeSkeleton'), dict(type='PadFrames', repeat=True), _base_.as_clip]
pretrain_pipeline = [
    *__frames[:-1],
    dict(type='MultiView', views=[dict(transforms=[_base_.as_clip])]),
    _base_.pack,
]
finetune_pipeline = test_pipeline = [*__frames, _base_.pack]

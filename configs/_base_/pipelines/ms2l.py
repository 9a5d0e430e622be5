# The data of MS2L: the arrays of 2s-AGCN. Bodies are turned upright and forward. A sequence is
# repeated until there are 300 frames, and its own frames are the valid ones. A sequence that is
# longer than twice the clip is thinned; NTU's have 300 frames at most. No augmentation.
_base_ = './pack.py'
clip_len = 300
__frames = [
    dict(type='NormalizeSkeleton'),
    dict(type='StrideFrames'),
    dict(type='PadFrames', repeat=True),
]
pretrain_pipeline = [
    *__frames,
    dict(type='MultiView', views=[dict(transforms=[_base_.as_clip])]),
    _base_.pack,
]
finetune_pipeline = test_pipeline = [*__frames, _base_.as_clip, _base_.pack]

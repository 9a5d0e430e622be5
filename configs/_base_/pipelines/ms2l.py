# The data of MS2L: the arrays of 2s-AGCN. Bodies are turned upright and forward. A sequence is
# repeated until it has 300 frames, but only the original frames are valid. If a sequence is longer
# than twice the clip, only every s-th frame is kept; sequences of NTU have at most 300 frames.
# There is no augmentation.
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

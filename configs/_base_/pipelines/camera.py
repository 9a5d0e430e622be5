# The data of MAMP, SkeletonMAE and STARS, from raw coordinates or from CTR-GCN's archives. A
# sequence starts in the origin and keeps the axes of the camera. The augmentation takes a random
# piece of at least half of the sequence, resizes it to 120 frames and rotates it slightly.
_base_ = './pack.py'
clip_len = 120
__start = dict(type='TranslateToStart')
piece = [
    dict(type='TemporalCropResize', ratio=(0.5, 1.0)),
    dict(type='UniformRotation', radians=0.3),
    _base_.as_clip,
]
pretrain_pipeline = [
    __start,
    dict(type='MultiView', views=[dict(transforms=piece)]),
    _base_.pack,
]
finetune_pipeline = [__start, *piece, _base_.pack]
# The centre of the sequence, for testing and for galleries.
test_pipeline = [
    __start,
    dict(type='TemporalCropResize', ratio=0.95),
    _base_.as_clip,
    _base_.pack,
]

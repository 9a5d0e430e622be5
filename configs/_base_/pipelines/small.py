# The data of the recipe for small data sets: 32 frames. Bodies keep the direction in which the
# sensor sees them, unless people face all directions (see docs/small_data.md). The augmentation is
# weaker than that of CMD, because a tenth of a short sequence may not show the action any more.
_base_ = './pack.py'
clip_len = 32
__normalize = dict(type='NormalizeSkeleton', turn=False)

# Two augmented views, query and key.
pretrain_pipeline = [
    __normalize,
    dict(
        type='MultiView',
        views=[
            dict(
                num_views=2,
                transforms=[
                    dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=16),
                    dict(type='Shear', beta=0.3),
                    dict(type='JointCorruption', ratio=0.2),
                    _base_.as_clip,
                ],
            )
        ],
    ),
    _base_.pack,
]
# A random piece of most of the sequence, for linear evaluation and fine-tuning.
finetune_pipeline = [
    __normalize,
    dict(type='TemporalCropResize', ratio=(0.75, 1.0), min_frames=16),
    _base_.as_clip,
    _base_.pack,
]
# The centre of the sequence, for testing and for galleries.
test_pipeline = [
    __normalize,
    dict(type='TemporalCropResize', ratio=0.95),
    _base_.as_clip,
    _base_.pack,
]

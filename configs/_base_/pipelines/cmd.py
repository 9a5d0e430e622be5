# The data of CMD (Sec. 4.1), as in ISC: bodies are turned upright and forward; 64 frames.
_base_ = './pack.py'
clip_len = 64
__normalize = dict(type='NormalizeSkeleton')

# Two augmented views of a random piece of the sequence, query and key.
pretrain_pipeline = [
    __normalize,
    dict(
        type='MultiView',
        views=[
            dict(
                num_views=2,
                transforms=[
                    dict(type='TemporalCropResize', ratio=(0.1, 1.0)),
                    dict(
                        type='RandomChoice',
                        transforms=[dict(type='Shear'), dict(type='JointCorruption')],
                    ),
                    _base_.as_clip,
                ],
            )
        ],
    ),
    _base_.pack,
]
# A random piece of at least half of the sequence, for linear evaluation and fine-tuning.
finetune_pipeline = [
    __normalize,
    dict(type='TemporalCropResize', ratio=(0.5, 1.0)),
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

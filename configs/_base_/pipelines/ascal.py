# The data of AS-CAL: raw coordinates in metres, the first 150 frames, padded with zeros at the end.
# The padding is also encoded. Each person is centred on its own spine in each frame.
_base_ = './pack.py'
clip_len = 150
__frames = [dict(type='PadFrames', count_valid=False), dict(type='SubtractJoint')]

# Two augmented views, query and key.
pretrain_pipeline = [
    *__frames,
    dict(
        type='MultiView',
        views=[
            dict(
                num_views=2,
                transforms=[
                    dict(type='RandomApply', transforms=[dict(type='TimeFlip')], prob=0.5),
                    dict(type='Shear', beta=1.0),
                    _base_.as_clip,
                ],
            )
        ],
    ),
    _base_.pack,
]
# An evaluation uses no augmentation, not even for the training of its classifier.
finetune_pipeline = test_pipeline = [*__frames, _base_.as_clip, _base_.pack]

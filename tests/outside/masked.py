_base_ = '{{$MMCMD_CONFIGS:../../configs}}/_base_/pretrain_cmd.py'
custom_imports = dict(imports=['mmcmd', 'masked_groups'])

model = dict(
    type='MaskedGroups',
    modalities=('joint', 'bone'),
    predictor=dict(type='ProjectionNeck', out_channels=8),
)
__augment = dict(type='ShakeJoints')
pretrain_pipeline = [
    dict(type='NormalizeSkeleton'),
    dict(
        type='MultiView',
        views=[
            dict(
                group='long',
                transforms=[dict(type='ResizeFrames', num_frames=8), __augment, _base_.as_clip],
            ),
            dict(
                group='short',
                num_views=2,
                transforms=[dict(type='ResizeFrames', num_frames=4), __augment, _base_.as_clip],
            ),
        ],
    ),
    dict(
        type='PackActionInputs',
        collect_keys=('long', 'short'),
        meta_keys=_base_.pack.meta_keys,
    ),
]
train_dataloader = dict(dataset=dict(pipeline=pretrain_pipeline))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(max_epochs=2, val_interval=1)

# How a sequence becomes a batch, for every protocol. A config says the `dataset` of each loader.
normalize = [dict(type='NormalizeSkeleton')]
as_clip = dict(type='FormatGCNInput', num_person=2)
# The name goes along, so that a batch that breaks the training can say what is in it.
pack = dict(type='PackActionInputs', meta_keys=('frame_dir',))

# Two augmented views of a random piece of the sequence, query and key.
pretrain_pipeline = [
    *normalize,
    dict(
        type='Views',
        num_views=2,
        transforms=[
            dict(type='TemporalCropResize', ratio=(0.1, 1.0)),
            dict(type='OneOf', transforms=[dict(type='Shear'), dict(type='JointCorruption')]),
            as_clip,
        ],
    ),
    pack,
]
# A random piece of at least half of the sequence, for linear evaluation and fine-tuning.
finetune_pipeline = [
    *normalize,
    dict(type='TemporalCropResize', ratio=(0.5, 1.0)),
    as_clip,
    pack,
]
# The centre of the sequence, for testing and for galleries.
test_pipeline = [*normalize, dict(type='TemporalCropResize', ratio=0.95), as_clip, pack]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    collate_fn=dict(type='stack_inputs'),
    sampler=dict(type='EpochSampler', shuffle=True),
    dataset=dict(type='SkeletonDataset', pipeline=finetune_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    collate_fn=dict(type='stack_inputs'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SkeletonDataset', pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader

# A classifier on encoders. --pretrained CHECKPOINT gives the encoders, joints, clip length and
# pipelines. With --pretrained random, --encoder gives the encoder, and this file gives the rest.
_base_ = ['./experiment.py', './pipelines/cmd.py']

model = dict(
    type='SkeletonClassifier',
    modalities=('joint', 'motion', 'bone'),
    head=dict(type='LinearHead', num_classes=_base_.data.num_classes),
    pretrained=None,
)
train_dataloader = dict(
    dataset=dict(pipeline=_base_.finetune_pipeline, clip_len=_base_.clip_len, labelled=True)
)
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader

val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
val_evaluator = test_evaluator = dict(type='MultiStreamAccuracy')

# The data set and encoder that --data and --encoder name, and the loaders. A config that inherits
# this file gives the pipelines.
_base_ = ['./default_runtime.py', './data.py', './encoders/{{$ENCODER:bigru}}.py']
budget = 'paper'  # --budget small merges the entries of `small`

model = dict(backbone=_base_.backbone, layout=_base_.data.get('map_to', _base_.data.layout))
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    collate_fn=dict(type='stack_inputs'),
    sampler=dict(type='EpochSampler', shuffle=True),
    dataset=dict(type='SkeletonDataset', **_base_.train_set),
)
val_dataloader = test_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    collate_fn=dict(type='stack_inputs'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SkeletonDataset', test_mode=True, labelled=True, **_base_.val_set),
)
# The training split with the test pipeline. A KNN evaluation compares its queries with it.
gallery_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], **_base_.train_set)
)
train_cfg = dict(type='ResumableEpochLoop')
auto_scale_lr = dict(enable=False, base_batch_size=64)

small = dict(
    clip_len=16,
    train_dataloader=dict(num_workers=1),
    val_dataloader=dict(num_workers=1),
    test_dataloader=dict(num_workers=1),
)

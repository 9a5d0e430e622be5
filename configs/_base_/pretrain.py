# Pre-training, with KNN evaluations in between. A config that inherits this file gives the
# pipelines, the method and its schedule.
_base_ = './knn.py'

train_dataloader = dict(drop_last=True, sampler=dict(drop_last=True))
default_hooks = dict(
    collapse=dict(type='CollapseHook'), checkpoint=dict(save_best='knn/top1', rule='greater')
)

# For small data: a training of a few minutes on a CPU, with Adam.
small = dict(
    train_dataloader=dict(batch_size=64),
    train_cfg=dict(max_epochs=18, val_interval=6),
    optim_wrapper=dict(optimizer=dict(_delete_=True, type='Adam', lr=0.002, weight_decay=1e-5)),
    param_scheduler=[dict(type='MultiStepLR', milestones=[15], gamma=0.1, by_epoch=True)],
)

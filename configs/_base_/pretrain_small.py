# Pre-training on small data, on a CPU. An epoch is 100 steps on any data set.
_base_ = ['./pretrain.py', './pipelines/small.py']
train_dataloader = dict(
    num_workers=1, dataset=dict(pipeline=_base_.pretrain_pipeline, clip_len=_base_.clip_len)
)
val_dataloader = dict(
    num_workers=1, dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len)
)
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)
train_cfg = dict(epoch_steps=100, max_epochs=12, val_interval=4)
budget = 'small'  # the sizes of the model depend on the training set
small = dict(_delete_=True)

_base_ = ['./pretrain.py', './pipelines/slim.py']
train_dataloader = dict(dataset=dict(pipeline=_base_.pretrain_pipeline, clip_len=_base_.clip_len))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)

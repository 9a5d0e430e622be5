_base_ = ['./pretrain.py', './pipelines/ascal.py']
train_dataloader = dict(dataset=dict(pipeline=_base_.pretrain_pipeline, clip_len=_base_.clip_len))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)

# For small data, a short clip takes every s-th frame. The first frames alone would be too few.
__test_pipeline = [dict(type='StrideFrames'), *_base_.test_pipeline]
__loader = dict(dataset=dict(pipeline=__test_pipeline))
small = dict(
    finetune_pipeline=__test_pipeline,
    test_pipeline=__test_pipeline,
    train_dataloader=dict(
        dataset=dict(pipeline=[dict(type='StrideFrames'), *_base_.pretrain_pipeline])
    ),
    val_dataloader=__loader,
    test_dataloader=__loader,
    val_cfg=dict(gallery_dataloader=__loader),
    test_cfg=dict(gallery_dataloader=__loader),
)

# MS2L (ACM MM 2020, https://arxiv.org/abs/2010.05599): motion prediction, jigsaw puzzles and a
# contrastive loss. The published encoder is --encoder bigru_ms2l. The gradients of each part are
# clipped separately.
_base_ = ['../_base_/pretrain.py', '../_base_/pipelines/ms2l.py']
__init = dict(type='Xavier', layer='Linear', distribution='normal', bias=0)

model = dict(
    type='MS2L',
    modalities=('joint',),
    pooling=dict(type='GraphPooling', eps=0.01),  # the mean over valid frames, as released
    decoder=dict(type='GRUDecoder', hidden_size=600, num_layers=2),
    jigsaw_head=dict(hidden_channels=2048, init_cfg=__init),
    contrast_head=dict(hidden_channels=2048, out_channels=1024, init_cfg=__init),
    temperature=0.9,
)
train_dataloader = dict(
    batch_size=256, dataset=dict(pipeline=_base_.pretrain_pipeline, clip_len=_base_.clip_len)
)
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)
optim_wrapper = dict(
    constructor='GroupClipConstructor',
    paramwise_cfg=dict(clip_by='part'),
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=10),
)
train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = [dict(type='StepLR', step_size=30, gamma=0.1, by_epoch=True)]
small = dict(model=dict(decoder=dict(hidden_size=128)))

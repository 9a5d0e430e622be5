# STARS (arXiv 2407.10935), as in its README: the head and the upper half of the encoder are trained
# in one stage. It starts from an encoder of MAMP: --cfg-options model.encoder_from=MAMP.pth.
# layer_decay is 0.45 for NTU-60, 0.40 for NTU-120, and 0.35 for PKU-MMD II (lr 1e-4). The gradient
# of each tensor is clipped separately.
_base_ = ['../_base_/pretrain.py', '../_base_/pipelines/camera_whole.py']
default_encoder = 'transformer'

model = dict(
    type='STARS',
    modalities=('joint',),
    neck=dict(hidden_channels=4096),
    queue=dict(type='KeyQueue', size=32768),
    temperature=0.07,
)
train_dataloader = dict(
    batch_size=128, dataset=dict(pipeline=_base_.pretrain_pipeline, clip_len=_base_.clip_len)
)
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)
optim_wrapper = dict(
    constructor='LayerDecayConstructor',
    paramwise_cfg=dict(layer_decay=0.45, trained_share=0.5, clip_by='tensor'),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01),
    clip_grad=dict(max_norm=3),
)
train_cfg = dict(max_epochs=10, val_interval=1)
small = dict(model=dict(neck=dict(hidden_channels=256), queue=dict(size=256)))

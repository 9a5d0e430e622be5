# MAMP (ICCV 2023, https://arxiv.org/abs/2308.07092): predict the motion of masked joints. These are
# the released values for NTU-60. For NTU-120 and PKU-MMD the decoder has 5 blocks, and for NTU-120
# tau is 0.75.
_base_ = ['../_base_/pretrain.py', '../_base_/pipelines/camera.py']
default_encoder = 'transformer'  # --encoder may name another encoder with tokens

model = dict(
    type='MAMP',
    modalities=('joint',),
    decoder=dict(embed_dims=256, depth=3, num_heads=8),
    masking=dict(type='MotionAwareMask', ratio=0.9, tau=0.8),
    target=dict(type='MotionTarget', stride=1),
)
train_dataloader = dict(
    batch_size=128, dataset=dict(pipeline=_base_.pretrain_pipeline, clip_len=_base_.clip_len)
)
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)
optim_wrapper = dict(
    constructor='LayerDecayConstructor',
    paramwise_cfg=dict(flat_decay_mult=0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
)
train_cfg = dict(max_epochs=400, val_interval=50)
param_scheduler = [
    dict(type='WarmupCosineLR', warmup=20, min_ratio=0.5, convert_to_iter_based=True)
]
small = dict(model=dict(decoder=dict(embed_dims=64, depth=2, num_heads=4)))

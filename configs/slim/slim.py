# SLiM (https://arxiv.org/abs/2603.10648), as released for NTU-60 and NTU-120: 4 GPUs with batches
# of 192 each, lr 2e-4 * sqrt(768 / 1024). An epoch is 1250 steps on any data set.
_base_ = '../_base_/pretrain_slim.py'
default_encoder = 'rotary'

model = dict(
    type='SLiM',
    modalities=('joint',),
    pooling=dict(type='PersonPooling', join=True),
    neck=dict(hidden_channels=2048, bottleneck_channels=256, out_channels=65536),
    momentum=0.006,  # 0.994 of the teacher stays
)
train_dataloader = dict(batch_size=192)
optim_wrapper = dict(
    constructor='LayerDecayConstructor',
    paramwise_cfg=dict(flat_decay_mult=0, embed_lr_mult=0.2, clip_by='module'),
    optimizer=dict(type='AdamW', lr=2e-4 * 0.75**0.5, betas=(0.9, 0.999), weight_decay=0.04),
    clip_grad=dict(max_norm=3),
)
train_cfg = dict(epoch_steps=1250, max_epochs=150, val_interval=10)
__schedule = dict(convert_to_iter_based=True)
__rate = dict(min_ratio=1e-6 / (2e-4 * 0.75**0.5), inclusive=True, held='prototypes', hold=1)
__decay = dict(param_name='weight_decay', T_max=150, end=150, eta_min_ratio=5)
param_scheduler = [
    dict(type='WarmupCosineLR', warmup=20, **__rate, **__schedule),
    dict(type='CosineAnnealingParamScheduler', **__decay, **__schedule),
]
__neck = dict(hidden_channels=256, bottleneck_channels=64, out_channels=512)
small = dict(model=dict(neck=__neck, momentum=0.01), train_cfg=dict(epoch_steps=None))

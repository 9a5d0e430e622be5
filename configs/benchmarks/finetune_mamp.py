# Fine-tuning of MAMP and STARS: the features of all joints, a head of two layers, stochastic depth,
# and a learning rate that is lower in lower layers. The encoder must be a transformer. To train
# from scratch, use --pretrained random and optim_wrapper.paramwise_cfg.layer_decay=1.
_base_ = './finetune.py'
default_encoder = 'transformer'

encoder_options = dict(
    backbone=dict(drop_path_rate=0.3), pooling=dict(type='JointPooling', dropout=0.3)
)
model = dict(
    head=dict(_delete_=True, type='MLPHead', num_classes=_base_.data.num_classes),
    label_smoothing=0.1,
)
train_dataloader = dict(batch_size=48)
optim_wrapper = dict(
    constructor='LayerDecayConstructor',
    paramwise_cfg=dict(layer_decay=0.8, flat_decay_mult=0),
    optimizer=dict(_delete_=True, type='AdamW', lr=3e-4, weight_decay=0.05),
)
train_cfg = dict(max_epochs=100)
param_scheduler = [
    dict(type='WarmupCosineLR', warmup=5, min_ratio=1 / 30, convert_to_iter_based=True)
]
small = dict(model=dict(head=dict(hidden_channels=128)))

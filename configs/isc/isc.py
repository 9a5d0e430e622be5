# ISC (ACM MM 2021, https://arxiv.org/abs/2108.03656): a sequence encoder and 2s-AGCN, and each
# learns from the keys of the other one. The published encoder is --encoder bigru_plain. To use HCN
# instead of 2s-AGCN, set model.partner._delete_=True model.partner.type=HCN
# model.partner.clip_len=64 (or the clip_len of the budget) model.partner_neck._delete_=True.
_base_ = '../moco/moco.py'

model = dict(
    type='ISC',
    partner=dict(type='AGCN', base_channels=64),
    # In the released code, weights of the output layer start with the std sqrt(2 / 128).
    partner_neck=dict(
        init_cfg=dict(type='Normal', std=0.125, layer=[], override=dict(name='out')),
    ),
)
train_cfg = dict(max_epochs=451)
param_scheduler = [dict(type='MultiStepLR', milestones=[351], gamma=0.1, by_epoch=True)]
small = dict(model=dict(partner=dict(base_channels=16)))

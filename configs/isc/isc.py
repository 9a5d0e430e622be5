# ISC (ACM MM 2021, https://arxiv.org/abs/2108.03656): a sequence encoder and 2s-AGCN, each
# contrasted with the keys of the other one. The published encoder is --encoder bigru_plain. For HCN
# in place of 2s-AGCN, set model.partner._delete_=True model.partner.type=HCN
# model.partner.clip_len=64 (or the clip_len of the budget) model.partner_neck._delete_=True.
_base_ = '../moco/moco.py'

model = dict(
    type='ISC',
    partner=dict(type='AGCN', base_channels=64),
    # The released output layer of 2s-AGCN starts with a deviation of sqrt(2 / 128).
    partner_neck=dict(
        init_cfg=dict(type='Normal', std=0.125, layer=[], override=dict(name='out')),
    ),
)
train_cfg = dict(max_epochs=451)
param_scheduler = [dict(type='MultiStepLR', milestones=[351], gamma=0.1, by_epoch=True)]
small = dict(model=dict(partner=dict(base_channels=16)))

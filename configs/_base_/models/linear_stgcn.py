_base_ = './linear_bigru.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='STGCN',
        graph_cfg=dict(layout='nturgb+d', mode='stgcn_spatial'),
    ),
    pooling=dict(type='GraphPooling'),
    head=dict(in_channels=256),
)

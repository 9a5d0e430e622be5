# CMD with mmaction2's ST-GCN: only the encoder differs from cmd_bigru.py.
_base_ = './cmd_bigru.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='STGCN',
        graph_cfg=dict(layout='nturgb+d', mode='stgcn_spatial'),
    ),
    pooling=dict(type='GraphPooling'),
    neck=dict(in_channels=256),
)

_base_ = './linear_bigru.py'

model = dict(
    backbone=dict(hidden_size=128, mode='bidirectional', readout='ends'),
    head=dict(in_channels=256),
)

_base_ = './linear_bigru.py'

model = dict(
    backbone=dict(hidden_size=128, num_layers=1, mode='bidirectional', readout='mean'),
    head=dict(in_channels=256),
)

# For small data on a CPU: small layers, a small queue, keys that follow faster.
_base_ = './cmd_bigru.py'

model = dict(
    backbone=dict(hidden_size=128, mode='bidirectional', readout='ends'),
    neck=dict(in_channels=256),
    head=dict(queue_size=1024),
    distill_head=dict(topk=512),
    momentum=0.01,
)

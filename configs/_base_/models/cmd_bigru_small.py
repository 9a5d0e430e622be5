# For small data on a CPU: one small layer that reads all of time, a small queue, faster keys.
_base_ = './cmd_bigru.py'

model = dict(
    backbone=dict(hidden_size=128, num_layers=1, mode='bidirectional', readout='mean'),
    neck=dict(in_channels=256),
    head=dict(queue_size=1024),
    distill_head=dict(topk=512),
    momentum=0.01,
)

# Sec. 4.1 of the paper: three modalities, a 3-layer BiGRU each, six directions of distillation.
model = dict(
    type='CMD',
    modalities=('joint', 'motion', 'bone'),
    backbone=dict(
        type='BiGRU',
        num_joints=25,
        num_person=2,
        in_channels=3,
        hidden_size=1024,
        num_layers=3,
        mode='stepwise',
        readout='last',
    ),
    neck=dict(type='ProjectionNeck', in_channels=2048, out_channels=128),
    head=dict(type='MoCoHead', feat_dim=128, queue_size=16384, temperature=0.07),
    distill_head=dict(
        type='CMDHead',
        topk=8192,
        teacher_temperature=0.05,
        student_temperature=0.1,
        loss_weight=1.0,
    ),
    momentum=0.001,
)

# Sec. 4.1: three modalities, six directions of distillation.
model = dict(
    type='CMD',
    modalities=('joint', 'motion', 'bone'),
    neck=dict(type='ProjectionNeck', out_channels=128),
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

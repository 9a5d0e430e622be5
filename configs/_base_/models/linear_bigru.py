# A linear classifier on each modality's frozen encoder.
model = dict(
    type='SkeletonClassifier',
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
    head=dict(type='LinearHead', in_channels=2048, num_classes=60),
    frozen=True,
    pretrained=None,  # --cfg-options model.pretrained=CHECKPOINT.pth
)

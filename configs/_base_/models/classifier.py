# An encoder and a linear head for each modality.
model = dict(
    type='SkeletonClassifier',
    modalities=('joint', 'motion', 'bone'),
    head=dict(type='LinearHead'),
    frozen=True,
    pretrained=None,  # --cfg-options model.pretrained=CHECKPOINT.pth
)

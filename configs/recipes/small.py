# The recipe for a few hundred recordings of your own, on a CPU: CMD with one layer, weak
# augmentation, and a schedule in steps. docs/small_data.md says how each value was chosen.
# python tools/train.py configs/recipes/small.py --data data/mine.pkl --minutes 30
_base_ = '../_base_/pretrain_small.py'
default_encoder = 'bigru_mean'  # unless --encoder names another

model = dict(
    type='CMD',
    modalities=('joint', 'motion', 'bone'),
    neck=dict(type='ProjectionNeck', out_channels=128),
    queue=dict(type='KeyQueue', size=1024),
    head=dict(type='MoCoHead', temperature=0.07),
    distill_head=dict(type='CMDHead', topk=512, teacher_temperature=0.05, student_temperature=0.1),
    momentum=0.01,
)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=0.002, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', by_epoch=False, eta_min=0),
]
# Nearest neighbours compare whitened features. Whitening uses no label and needs no training.
val_evaluator = test_evaluator = dict(whiten=2.0)
# At the end, a table compares KNN and linear evaluation (epochs of 100 steps) with raw coordinates.
final_evaluation = dict(epochs=10)

# Nearest neighbours of any encoders: python tools/test.py configs/benchmarks/knn.py CHECKPOINT
_base_ = ['../_base_/knn.py', '../_base_/pipelines/cmd.py']

model = dict(type='FeatureExtractor', modalities=('joint', 'motion', 'bone'))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline, clip_len=_base_.clip_len))
test_cfg = dict(gallery_dataloader=test_dataloader)
train_dataloader = train_cfg = val_dataloader = val_cfg = val_evaluator = None

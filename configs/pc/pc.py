# P&C, Predict & Cluster (CVPR 2020, https://arxiv.org/abs/1911.12409), as in the authors' PyTorch
# program. The published encoder is --encoder bigru_pc. Other decoders: model.decoder.inputs=
# fixed_state or teacher; model.decoder.frozen=True. Evaluate it with configs/benchmarks/knn_pc.py.
_base_ = ['../_base_/pretrain.py', '../_base_/pipelines/pc.py']

# If the encoder is for two persons, the second person is zero.
as_clip = dict(type='FormatGCNInput', num_person=_base_.backbone.get('num_person', 2))
finetune_pipeline = test_pipeline = [*_base_.frames, as_clip, _base_.pack]
__views = dict(type='MultiView', views=[dict(transforms=[as_clip])])
model = dict(
    type='PredictCluster',
    modalities=('joint',),
    decoder=dict(type='AutoregressiveDecoder', inputs='zero'),
)
train_dataloader = dict(
    dataset=dict(pipeline=[*_base_.frames, __views, _base_.pack], clip_len=_base_.clip_len)
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, clip_len=_base_.clip_len))
test_dataloader = val_dataloader
val_cfg = test_cfg = dict(gallery_dataloader=val_dataloader)
optim_wrapper = dict(
    constructor='GroupClipConstructor',
    paramwise_cfg=dict(clip_by='stream'),
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=25),
)
train_cfg = dict(max_epochs=500, val_interval=5)

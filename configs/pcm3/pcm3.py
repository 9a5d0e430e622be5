# PCM3 (ACM MM 2023, https://arxiv.org/abs/2308.03975). As in the released code, a run trains one
# stream, and the joint stream has prompts. To train all three streams in one run:
# python tools/train.py configs/pcm3/pcm3.py --cfg-options model.modalities=[joint,motion,bone]
_base_ = '../moco/moco.py'

model = dict(
    type='PCM3',
    decoder=dict(hidden_size=512),
    similarity_head=dict(teacher_temperature=0.05, student_temperature=0.1),
    masking=dict(frames=8, ratio=0.6),
    mixing=dict(window=(28, 44), stride=4),
    mse_weight=40,
)
# The third view is the one that is masked and predicted. Its only spatial augmentation is shear.
__normalize, __views, _ = _base_.pretrain_pipeline
__two = __views['views'][0]
__masked = dict(transforms=[__two['transforms'][0], dict(type='Shear'), _base_.as_clip])
pretrain_pipeline = [__normalize, dict(type='MultiView', views=[__two, __masked]), _base_.pack]
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=pretrain_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.02))
train_cfg = dict(max_epochs=451)
param_scheduler = [dict(type='MultiStepLR', milestones=[351], gamma=0.1, by_epoch=True)]
# Short clips: a quarter of the frames.
small = dict(
    model=dict(
        decoder=dict(hidden_size=64), masking=dict(frames=2), mixing=dict(window=(7, 11), stride=1)
    )
)

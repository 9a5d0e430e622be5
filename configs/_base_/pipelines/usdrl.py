# The data of USDRL: four views, which are made like those of CMD. An evaluation uses the whole
# sequence.
_base_ = './cmd.py'
__normalize, __views, _ = _base_.pretrain_pipeline
__four = dict(num_views=4, transforms=__views['views'][0]['transforms'])
pretrain_pipeline = [__normalize, dict(type='MultiView', views=[__four]), _base_.pack]
finetune_pipeline = test_pipeline = [
    __normalize,
    dict(type='ResizeFrames'),
    _base_.as_clip,
    _base_.pack,
]

# The data of STARS: two equal views of the whole sequence, without augmentation. The evaluation is
# that of MAMP.
_base_ = './camera.py'
__start = dict(type='TranslateToStart')
__views = [dict(num_views=2, transforms=[dict(type='ResizeFrames'), _base_.as_clip])]
pretrain_pipeline = [__start, dict(type='MultiView', views=__views), _base_.pack]

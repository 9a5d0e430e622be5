# The data of SkeletonCLR, CrosSCLR and AimCLR: each person is centred and turned separately, and
# the whole sequence is resized to 50 frames. The released files hold the first two bodies of each
# frame. The converter ntu keeps the two bodies of a sequence that move most.
_base_ = './pack.py'
clip_len = 50
__normalize = dict(type='NormalizePersons')  # this also resizes to clip_len frames
normal_view = [dict(type='MirrorCrop', ratio=6), dict(type='Shear', beta=0.5), _base_.as_clip]

# Two augmented views, query and key.
pretrain_pipeline = [
    __normalize,
    dict(type='MultiView', views=[dict(num_views=2, transforms=normal_view)]),
    _base_.pack,
]
# An evaluation uses the whole sequence without augmentation, also to train its classifier.
finetune_pipeline = test_pipeline = [__normalize, _base_.as_clip, _base_.pack]

# The data of SLiM, from raw coordinates or from CTR-GCN's archives: a sequence starts in the origin
# and keeps the camera's axes. A view shows one person, at random. Its frames are chosen, and only
# interpolated where there are too few. Local views lie in the range of a global one.
_base_ = './pack.py'
clip_len = 64
__start = dict(type='TranslateToStart', anywhere=True)
__mirror = dict(type='MirrorFrames', num_frames=150)
__one_person = dict(type='FormatGCNInput', num_person=1)
__noise = dict(type='GaussianNoise', std=0.01)
__body = [
    dict(type='RandomApply', transforms=dict(type='JointFlip', mirror_axis=0), prob=0.5),
    dict(type='RandomApply', transforms=dict(type='LimbLengths', as_released=True), prob=0.5),
]
__turned = [
    *__body,
    dict(type='RandomApply', transforms=dict(type='UniformRotation', radians=0.3), prob=0.5),
]
__global = [
    [dict(type='RandomFrames', take=0), *__turned, __noise, __one_person],
    [
        dict(type='RandomFrames', take=1),
        *__turned,
        dict(type='RandomApply', transforms=dict(type='GaussianNoise', std=0.05), prob=0.1),
        dict(type='RandomApply', transforms=dict(type='AxisMask'), prob=0.2),
        __one_person,
    ],
]
# Group, views in each global view, part of the global length, shares of the global range.
__local = [('long', 1, 2, (0.35, 0.7)), ('medium', 2, 4, (0.15, 0.4)), ('short', 1, 8, (0.05, 0.2))]
__views = [dict(group='global', transforms=x) for x in __global] + [
    dict(
        group=group,
        num_views=number,
        transforms=[
            dict(type='RandomFrames', ratio=ratio, divide=divide, within=view),
            *__turned,
            dict(type='RandomApply', transforms=__noise, prob=0.5),
            __one_person,
        ],
    )
    for view in (0, 1)
    for group, number, divide, ratio in __local
]
pretrain_pipeline = [
    __start,
    __mirror,
    dict(type='RandomPerson'),
    dict(type='RandomFrames', ratio=(0.5, 1.0), num_views=2),
    dict(type='MultiView', views=__views),
    dict(_base_.pack, collect_keys=('global', 'long', 'medium', 'short')),
]
# An evaluation sees both persons, which turn about the vertical by any angle.
finetune_pipeline = [
    __start,
    __mirror,
    dict(type='RandomFrames', ratio=(0.5, 1.0)),
    *__body,
    dict(
        type='RandomApply',
        transforms=dict(type='UniformRotation', radians=(0.3, 3.141592653589793, 0.3)),
        prob=0.5,
    ),
    dict(
        type='RandomApply',
        transforms=dict(type='GaussianNoise', std=0.01, skip_absent=True),
        prob=0.5,
    ),
    _base_.as_clip,
    _base_.pack,
]
test_pipeline = [__start, __mirror, dict(type='CentreFrames'), _base_.as_clip, _base_.pack]

from .extreme import (
    AxisMask,
    GaussianNoise,
    JointFlip,
    MirrorCrop,
    RandomRotation,
    TemporalBlur,
    TimeFlip,
    add_noise,
    flip_joints,
    mask_axis,
    rotate,
)
from .normalize import NormalizeSkeleton, SubtractJoint, normalize_skeleton, subtract_joint
from .persons import NormalizePersons, normalize_persons, turn_persons
from .random_apply import RandomApply
from .spatial import JointCorruption, JointMask, Shear, mask_joints, shear
from .temporal import (
    PadFrames,
    ResizeFrames,
    TemporalCropResize,
    blur_time,
    flip_time,
    mirror_crop,
    resize_frames,
)
from .views import MultiView, RandomChoice

__all__ = [
    'AxisMask',
    'GaussianNoise',
    'JointCorruption',
    'JointFlip',
    'JointMask',
    'MirrorCrop',
    'MultiView',
    'NormalizePersons',
    'NormalizeSkeleton',
    'PadFrames',
    'RandomApply',
    'RandomChoice',
    'RandomRotation',
    'ResizeFrames',
    'Shear',
    'SubtractJoint',
    'TemporalBlur',
    'TemporalCropResize',
    'TimeFlip',
    'add_noise',
    'blur_time',
    'flip_joints',
    'flip_time',
    'mask_axis',
    'mask_joints',
    'mirror_crop',
    'normalize_persons',
    'normalize_skeleton',
    'resize_frames',
    'rotate',
    'shear',
    'subtract_joint',
    'turn_persons',
]

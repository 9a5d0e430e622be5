"""Transforms of skeleton sequences, and the pure functions that they use."""

from .camera import TranslateToStart, UniformRotation, drop_empty_frames, translate_to_start
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
from .frame_choice import (
    CentreFrames,
    MirrorFrames,
    RandomFrames,
    choose_frames,
    choose_piece,
    mirror_to_length,
)
from .limbs import LimbLengths, RandomPerson, limb_tree, scale_limbs
from .map_layout import MapLayout, map_layout
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
from .variation import BoneLengths, TimeWarp, UpRotation, scale_bones, turn_about, warp_time
from .view_invariant import (
    FirstPersons,
    StrideFrames,
    ViewInvariant,
    scale_to_range,
    stride_frames,
    view_invariant,
)
from .views import MultiView, RandomChoice

__all__ = [
    'AxisMask',
    'BoneLengths',
    'CentreFrames',
    'FirstPersons',
    'GaussianNoise',
    'JointCorruption',
    'JointFlip',
    'JointMask',
    'LimbLengths',
    'MapLayout',
    'MirrorCrop',
    'MirrorFrames',
    'MultiView',
    'NormalizePersons',
    'NormalizeSkeleton',
    'PadFrames',
    'RandomApply',
    'RandomChoice',
    'RandomFrames',
    'RandomPerson',
    'RandomRotation',
    'ResizeFrames',
    'Shear',
    'StrideFrames',
    'SubtractJoint',
    'TemporalBlur',
    'TemporalCropResize',
    'TimeFlip',
    'TimeWarp',
    'TranslateToStart',
    'UniformRotation',
    'UpRotation',
    'ViewInvariant',
    'add_noise',
    'blur_time',
    'choose_frames',
    'choose_piece',
    'drop_empty_frames',
    'flip_joints',
    'flip_time',
    'limb_tree',
    'map_layout',
    'mask_axis',
    'mask_joints',
    'mirror_crop',
    'mirror_to_length',
    'normalize_persons',
    'normalize_skeleton',
    'resize_frames',
    'rotate',
    'scale_bones',
    'scale_limbs',
    'scale_to_range',
    'shear',
    'stride_frames',
    'subtract_joint',
    'translate_to_start',
    'turn_about',
    'turn_persons',
    'view_invariant',
    'warp_time',
]

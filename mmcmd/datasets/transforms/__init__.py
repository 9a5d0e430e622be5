from .normalize import NormalizeSkeleton, normalize_skeleton
from .spatial import JointCorruption, Shear
from .temporal import TemporalCropResize, resize_frames
from .views import OneOf, Views

__all__ = [
    'JointCorruption',
    'NormalizeSkeleton',
    'OneOf',
    'Shear',
    'TemporalCropResize',
    'Views',
    'normalize_skeleton',
    'resize_frames',
]

from .normalize import NormalizeSkeleton, normalize_skeleton
from .spatial import JointCorruption, Shear
from .temporal import PadFrames, TemporalCropResize, resize_frames
from .views import MultiView, RandomChoice

__all__ = [
    'JointCorruption',
    'MultiView',
    'NormalizeSkeleton',
    'PadFrames',
    'RandomChoice',
    'Shear',
    'TemporalCropResize',
    'normalize_skeleton',
    'resize_frames',
]

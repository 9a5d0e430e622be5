from typing import ClassVar

from mmcmd.models.streams import StreamModel
from mmcmd.registry import MODELS


@MODELS.register_module()
class FeatureExtractor(StreamModel):
    """A model that has only encoders, for nearest neighbours and other uses of features.

    It can load the checkpoint of any method. Only the encoders of the checkpoint are loaded. The
    arguments are those of :class:`StreamModel`.
    """

    encoders_only: ClassVar[bool] = True

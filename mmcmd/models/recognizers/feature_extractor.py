from typing import ClassVar

from mmcmd.models.streams import StreamModel
from mmcmd.registry import MODELS


@MODELS.register_module()
class FeatureExtractor(StreamModel):
    """A model with encoders only, for nearest neighbours and other uses of features.

    A checkpoint of any method fits: when it is loaded, only its encoders are taken. The arguments
    are those of :class:`StreamModel`.
    """

    encoders_only: ClassVar[bool] = True

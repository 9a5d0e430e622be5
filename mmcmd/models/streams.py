"""The part that every model shares: one encoder per stream."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmaction.structures import ActionDataSample
from mmengine.model import BaseModel, ModuleDict
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.data_preprocessor import SkeletonDataPreprocessor
from mmcmd.models.encoder import SkeletonEncoder
from mmcmd.skeletons import LAYOUTS, get_layout
from mmcmd.structures import get_valid_frames, set_features

MODALITIES = ('joint', 'motion', 'bone')


class StreamModel(BaseModel):
    """A model with one :class:`SkeletonEncoder` per stream, in ``encoders``.

    A stream has a name, a modality and a backbone. The short form is a list of modalities: each is
    a stream of its own, and all have the same kind of backbone. The long form maps the name of a
    stream to ``dict(modality=..., backbone=..., pooling=...)``. Entries that are left out are taken
    from the arguments below.

    Evaluation, publishing, cost estimates and reproduction work with any model of this class. They
    use only ``encoders``, ``streams``, :meth:`extract_feat` and :meth:`describe`.

    Args:
        modalities (Sequence[str] | Mapping[str, dict]): The streams. The results of the first one
            are reported without its name. Defaults to joint, motion and bone.
        backbone (dict, optional): Backbone of every stream that has none of its own.
        pooling (dict, optional): Pooling of :class:`SkeletonEncoder`.
        layout (str | dict): Joint layout of the data. Defaults to ``'ntu'``.
        data_preprocessor (dict, optional): Defaults to :class:`SkeletonDataPreprocessor`.
        init_cfg (dict | list, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If there is no stream, two streams have one name, a stream has no backbone, or a
            modality or the layout does not exist.
    """

    def __init__(
        self,
        modalities: Sequence[str] | Mapping[str, dict] = MODALITIES,
        backbone: dict | None = None,
        pooling: dict | None = None,
        layout: str | Mapping[str, Any] = 'ntu',
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor or SkeletonDataPreprocessor(), init_cfg)
        self.layout = layout
        self._configs = expand_streams(modalities, backbone, pooling)
        self.encoders = ModuleDict(
            {name: SkeletonEncoder(layout=layout, **x) for name, x in self._configs.items()}
        )

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams."""
        return tuple(self.encoders)

    @property
    def evaluated_streams(self) -> tuple[str, ...]:
        """Names of the streams that an evaluation takes if it does not choose: all of them."""
        return self.streams

    def describe(self) -> dict[str, Any]:
        """Return what is needed to build the encoders again.

        Returns:
            dict: ``layout``, ``streams`` and, if some streams are not for an evaluation,
            ``evaluated``.
        """
        layout = get_layout(self.layout)
        is_known = LAYOUTS.get(layout.name) == layout
        description = {
            'layout': layout.name if is_known else layout.to_dict(),
            'streams': self._configs,
        }
        if self.evaluated_streams != self.streams:
            description['evaluated'] = list(self.evaluated_streams)
        return description

    def extract_feat(
        self, inputs: Tensor, modality: str | None = None, valid_frames: Tensor | None = None
    ) -> Tensor:
        """Encode sequences.

        Args:
            inputs (Tensor): Joint coordinates, shape (N, M, T, V, C).
            modality (str, optional): Name of a stream. Defaults to the first one.
            valid_frames (Tensor, optional): Valid frames of each sequence, shape (N,).

        Returns:
            Tensor: Feature before any projection, not normalised, shape (N, D).
        """
        return self.encoders[modality or self.streams[0]](inputs, valid_frames)

    def clip_features(
        self, inputs: Tensor, data_samples: Sequence[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Encode every clip in every stream of :attr:`evaluated_streams`.

        Args:
            inputs (Tensor): Shape (N, clips, M, T, V, C).
            data_samples (Sequence[ActionDataSample], optional): One per sequence. They hold the
                numbers of valid frames, if not all frames are valid.

        Returns:
            dict[str, Tensor]: Features (N, clips, D) by stream.
        """
        clips, valid = inputs.flatten(0, 1), get_valid_frames(data_samples, inputs.device)
        if valid is not None:  # one number a sequence stands for all of its clips
            valid = valid.expand(inputs.shape[:2]).flatten()
        return {
            name: self.extract_feat(clips, name, valid).unflatten(0, inputs.shape[:2])
            for name in self.evaluated_streams
        }

    def predict(
        self, inputs: Tensor, data_samples: list[ActionDataSample]
    ) -> list[ActionDataSample]:
        """Store the features, averaged over clips, in the data samples.

        Args:
            inputs (Tensor): Shape (N, clips, M, T, V, C).
            data_samples (list[ActionDataSample]): One per sequence.
        """
        features = self.clip_features(inputs, data_samples)
        set_features(data_samples, {name: x.mean(dim=1) for name, x in features.items()})
        return data_samples

    def loss(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses of one step. A model that is trained overrides this."""
        raise NotImplementedError(f'{type(self).__name__} has no loss: it cannot be trained')

    def forward(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Dispatch by ``mode``, as in mmengine: ``'loss'``, ``'predict'`` or ``'tensor'``.

        Args:
            inputs (Tensor | dict): (N, views, M, T, V, C) for ``'loss'``, or one such tensor per
                group of views; (N, clips, M, T, V, C) for ``'predict'``; (N, M, T, V, C) for
                ``'tensor'``, which returns the feature of the first stream.
            data_samples (list[ActionDataSample], optional): One per sequence.
            mode (str): Defaults to ``'tensor'``.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        return self.extract_feat(inputs)


def expand_streams(
    modalities: Sequence[str] | Mapping[str, dict],
    backbone: dict | None = None,
    pooling: dict | None = None,
) -> dict[str, dict]:
    """Return the long form of the streams, see :class:`StreamModel`.

    Raises:
        InputError: If there is no stream, two have one name, or a stream has no backbone.
    """
    if isinstance(modalities, str):
        modalities = [modalities]
    if not modalities or len(set(modalities)) != len(modalities):
        raise InputError(
            f'modalities must be one or more different names, but got {list(modalities)}'
        )
    if not isinstance(modalities, Mapping):
        modalities = {name: {'modality': name} for name in modalities}
    shared = {'backbone': backbone, 'pooling': pooling}
    streams = {name: {**shared, 'modality': name, **config} for name, config in modalities.items()}
    for name, config in streams.items():
        if config['backbone'] is None:
            raise InputError(
                f'stream {name!r} has no backbone; give backbone=dict(type=...) of the model, or '
                'of the stream'
            )
    return streams

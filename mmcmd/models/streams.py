"""Base class of all models: one encoder per stream."""

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

    A stream has a name, a modality and a backbone. The short form of ``modalities`` is a list: each
    modality is one stream, and all streams have the same type of backbone. The long form maps the
    name of a stream to ``dict(modality=..., backbone=..., pooling=...)``. Missing entries are taken
    from ``backbone`` and ``pooling`` below.

    Evaluation, publishing, cost estimates and reproduction work with all models of this class. They
    use only ``encoders``, ``streams``, :meth:`extract_feat` and :meth:`describe`.

    Args:
        modalities (Sequence[str] | Mapping[str, dict]): The streams. Results of the first stream
            are reported without its name. Defaults to joint, motion and bone.
        backbone (dict, optional): Backbone of the streams that do not have their own.
        pooling (dict, optional): Pooling of :class:`SkeletonEncoder`.
        layout (str | dict): Joint layout of the data. Defaults to ``'ntu'``.
        data_preprocessor (dict, optional): Defaults to :class:`SkeletonDataPreprocessor`.
        init_cfg (dict | list, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If there is no stream, two streams have the same name, a stream has no backbone,
            or a modality or the layout is unknown.
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
        """Names of the streams that an evaluation uses by default: all streams."""
        return self.streams

    def describe(self) -> dict[str, Any]:
        """Return the options that are needed to build the encoders again.

        Returns:
            dict: ``layout``, ``streams`` and, if an evaluation does not use all streams,
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
            valid_frames (Tensor, optional): Numbers of valid frames, shape (N,). Defaults to all
                frames.

        Returns:
            Tensor: Feature before any projection, not normalised, shape (N, D).
        """
        return self.encoders[modality or self.streams[0]](inputs, valid_frames)

    def clip_features(
        self, inputs: Tensor, data_samples: Sequence[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Encode all clips in all streams of :attr:`evaluated_streams`.

        Args:
            inputs (Tensor): Joint coordinates, shape (N, clips, M, T, V, C).
            data_samples (Sequence[ActionDataSample], optional): One per sequence. They hold the
                numbers of valid frames. Without these, all frames are valid.

        Returns:
            dict[str, Tensor]: Features (N, clips, D) by stream.
        """
        clips, valid = inputs.flatten(0, 1), get_valid_frames(data_samples, inputs.device)
        if valid is not None:  # one number per sequence is valid for all of its clips
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
            inputs (Tensor): Joint coordinates, shape (N, clips, M, T, V, C).
            data_samples (list[ActionDataSample]): One per sequence.

        Returns:
            list[ActionDataSample]: The same samples. Their ``feats`` maps streams to features (D,).
        """
        features = self.clip_features(inputs, data_samples)
        set_features(data_samples, {name: x.mean(dim=1) for name, x in features.items()})
        return data_samples

    def loss(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses of one step. Models that can be trained override this method."""
        raise NotImplementedError(f'{type(self).__name__} has no loss: it cannot be trained')

    def forward(
        self,
        inputs: Tensor | dict[str, Tensor],
        data_samples: list[ActionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Run the function that ``mode`` names, as in mmengine.

        Args:
            inputs (Tensor | dict): For ``'loss'``, (N, views, M, T, V, C), or one such tensor per
                group of views. For ``'predict'``, (N, clips, M, T, V, C). For ``'tensor'``, (N, M,
                T, V, C).
            data_samples (list[ActionDataSample], optional): One per sequence.
            mode (str): ``'loss'``, ``'predict'`` or ``'tensor'``, which returns the feature of the
                first stream. Defaults to ``'tensor'``.
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
    """Convert streams to the long form, see :class:`StreamModel`.

    Raises:
        InputError: If there is no stream, two streams have the same name, or one has no backbone.
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

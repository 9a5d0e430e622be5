import inspect
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.backbones.recurrent import can_run_together, feature_maps
from mmcmd.models.modalities import build_modality
from mmcmd.models.necks.graph_pooling import GraphPooling
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout


class SkeletonEncoder(BaseModule):
    """An encoder from joint coordinates to one feature per sequence.

    It consists of a modality, a backbone and a pooling.

    The encoder sets the options of the backbone that depend on the skeleton, if the config does not
    contain them: ``num_joints``, or the layout in ``graph_cfg`` of a graph backbone.

    A backbone takes (N, M, T, V, C). A graph backbone of mmaction2 returns a map (N, M, D, T', V).
    A recurrent backbone has a method ``feature_map``, which returns such a map with M = V = 1, and
    a method ``read``, which reduces it to a feature.

    Args:
        backbone (dict): Config of the backbone: ``BiGRU``, a graph backbone of mmaction2, or your
            own class.
        layout (str | dict): Joint layout of the data. Defaults to ``'ntu'``.
        modality (str): Name of the modality that the backbone gets. Defaults to ``'joint'``.
        pooling (dict, optional): Module that reduces a map (N, M, D, T', V) to (N, D). Defaults to
            the method ``read`` of the backbone, or, if the backbone has none, to the mean over
            persons, time and joints.

    Attributes:
        frame_shape (tuple[int, int, int]): Persons, joints and coordinates: (M, V, C).
    """

    def __init__(
        self,
        backbone: dict,
        layout: str | Mapping[str, Any] = 'ntu',
        modality: str = 'joint',
        pooling: dict | None = None,
    ) -> None:
        super().__init__()
        backbone = dict(backbone)
        self.modality = build_modality(modality, layout)
        self.backbone = MODELS.build(_fit(backbone, layout))
        self.frame_shape = (
            *(backbone.get('num_person', 2), get_layout(layout).num_joints),
            backbone.get('in_channels', 3),
        )
        self._clip_len = backbone.get('clip_len', 16)
        self.pooling = MODELS.build(self._sized(pooling)) if pooling else None
        if self.pooling is None and not hasattr(self.backbone, 'read'):
            self.pooling = GraphPooling()

    def feature_map(self, joints: Tensor) -> Tensor:
        """Return the feature map of the backbone, before pooling.

        Args:
            joints (Tensor): Joint coordinates, shape (N, M, T, V, C).

        Returns:
            Tensor: Shape (N, M, D, T', V). M and V are 1 if the backbone combines persons and
            joints. T' is 1 if it also combines the frames.
        """
        return self._encode(self.modality(joints))

    def encode_modality(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """Return the feature maps of several batches that are already in the modality.

        Methods that change the modality (mix, mask or fill it) call this function instead of
        :meth:`feature_map`. The results are the same as with one pass per batch, in this order.
        Each batch has its own BatchNorm statistics. A recurrent backbone runs its network once over
        all batches, which is faster.

        Args:
            batches (Sequence[Tensor]): The modality, each of shape (N, M, T, V, C).

        Returns:
            list[Tensor]: The map of each batch, (N, M, D, T', V), as in :meth:`feature_map`.
        """
        if hasattr(self.backbone, 'encode_batches'):
            return self.backbone.encode_batches(batches)
        return [self._encode(batch) for batch in batches]

    def _encode(self, inputs: Tensor) -> Tensor:
        if hasattr(self.backbone, 'feature_map'):
            return self.backbone.feature_map(inputs)
        output = self.backbone(inputs)
        return output if output.dim() == 5 else output[:, None, :, None, None]

    def pool(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Reduce a map to one feature per sequence.

        Args:
            feature_map (Tensor): Shape (N, M, D, T', V).
            steps (Tensor, optional): Numbers of valid steps, shape (N,). Defaults to all T' steps.

        Returns:
            Tensor: Shape (N, D).
        """
        pool = self.backbone.read if self.pooling is None else self.pooling
        return pool(feature_map) if steps is None else pool(feature_map, steps)

    def sequence(self, joints: Tensor) -> Tensor:
        """Encode (N, M, T, V, C) to a feature for each step of time, (N, T', D)."""
        return steps_of(self.feature_map(joints))

    def forward(self, joints: Tensor, valid_frames: Tensor | None = None) -> Tensor:
        """Encode sequences.

        Args:
            joints (Tensor): Joint coordinates, shape (N, M, T, V, C).
            valid_frames (Tensor, optional): Numbers of valid frames, shape (N,). The other frames
                are padding at the end of the sequence. Defaults to all T frames.

        Returns:
            Tensor: Feature, shape (N, D).
        """
        feature_map = self.feature_map(joints)
        if valid_frames is None:
            return self.pool(feature_map)
        return self.pool_valid(feature_map, valid_frames, joints.shape[2])

    def pool_valid(self, feature_map: Tensor, valid_frames: Tensor, num_frames: int) -> Tensor:
        """Reduce the valid part of a map to one feature per sequence.

        Args:
            feature_map (Tensor): Shape (N, M, D, T', V).
            valid_frames (Tensor): Numbers of valid frames, shape (N,).
            num_frames (int): Number of all frames, T.

        Returns:
            Tensor: Shape (N, D).
        """
        length = feature_map.shape[3]
        steps = (valid_frames * length + num_frames - 1).div(num_frames, rounding_mode='floor')
        return self.pool(feature_map, steps.clamp(1, length))

    @torch.no_grad()
    def feature_size(self) -> int:
        """Return the size of a feature, D. If it is unknown, encode zeros to find it."""
        size = getattr(self.backbone, 'out_channels', None)
        if size is None or self.pooling is not None:
            size = self._on_zeros(self).shape[1]
        return size

    def _sized(self, pooling: dict) -> dict:
        """Set the sizes of a pooling that has weights."""
        known = inspect.signature(MODELS.get(pooling['type'])).parameters
        if 'in_channels' not in known:
            return pooling
        with torch.no_grad():
            size = self._on_zeros(self.feature_map).shape[2]
        sizes = {'in_channels': size, 'out_channels': prod(self.frame_shape)}
        return sizes | pooling

    def _on_zeros(self, call: Callable[[Tensor], Tensor]) -> Tensor:
        """Call a function of this encoder with a sequence of zeros, in ``eval()`` mode."""
        training = self.training
        persons, *joint = self.frame_shape
        self.eval()
        output = call(torch.zeros(1, persons, self._clip_len, *joint))
        self.train(training)
        return output


def steps_of(feature_map: Tensor, num_frames: int | None = None) -> Tensor:
    """Average a map over persons and joints.

    Args:
        feature_map (Tensor): Shape (N, M, D, T', V).
        num_frames (int, optional): Number of steps to return, T. The T' steps of the map are
            repeated to get it. Defaults to T'.

    Returns:
        Tensor: A feature for each step, shape (N, T or T', D).
    """
    steps = feature_map.mean(dim=(1, 4))
    if num_frames not in (None, steps.shape[2]):
        steps = F.interpolate(steps, size=num_frames)
    return steps.transpose(1, 2)


def joints_of(frames: Tensor, frame_shape: Sequence[int]) -> Tensor:
    """Split frames in the order of the released code (V, C, M) into persons and joints.

    Args:
        frames (Tensor): Shape (N, T, V * C * M).
        frame_shape (Sequence[int]): (M, V, C).

    Returns:
        Tensor: Shape (N, M, T, V, C).
    """
    persons, joints, channels = frame_shape
    return frames.unflatten(2, (joints, channels, persons)).permute(0, 4, 1, 2, 3)


def encode_streams(encoders: Mapping[str, SkeletonEncoder], joints: Tensor) -> dict[str, Tensor]:
    """Encode sequences in several streams.

    If the option ``kernel`` of the backbones allows it, the streams are computed together.

    Args:
        encoders (Mapping[str, SkeletonEncoder]): The encoder of each stream.
        joints (Tensor): Joint coordinates, shape (N, M, T, V, C).

    Returns:
        dict[str, Tensor]: Features (N, D) by stream.
    """
    backbones = [encoder.backbone for encoder in encoders.values()]
    if not can_run_together(backbones):
        return {name: encoder(joints) for name, encoder in encoders.items()}
    maps = feature_maps(backbones, [encoder.modality(joints) for encoder in encoders.values()])
    return {
        name: encoder.pool(feature_map)
        for (name, encoder), feature_map in zip(encoders.items(), maps, strict=True)
    }


def _takes_persons(cls: type) -> bool:
    """Return whether a class has the argument num_person, or passes it on to a base class."""
    parameters = inspect.signature(cls).parameters
    passes_on = any(x.kind is inspect.Parameter.VAR_KEYWORD for x in parameters.values())
    bases = inspect.getmro(cls)[1:-1] if passes_on and inspect.isclass(cls) else ()
    return 'num_person' in parameters or any(
        'num_person' in inspect.signature(base).parameters for base in bases
    )


def _fit(backbone: dict, layout: str | Mapping[str, Any]) -> dict:
    """Set the options that depend on the layout; drop num_person if the class does not know it."""
    skeleton = get_layout(layout)
    cls = MODELS.get(backbone['type'])
    known = inspect.signature(cls).parameters if cls else {}
    if cls and not _takes_persons(cls):
        backbone = {key: value for key, value in backbone.items() if key != 'num_person'}
    if 'graph_cfg' in known:
        own = getattr(cls, 'uses_layout_graph', False)
        graph = {'layout': skeleton.own_graph if own else skeleton.graph}
        return backbone | {'graph_cfg': graph | backbone.get('graph_cfg', {})}
    if 'num_joints' in known:
        return {'num_joints': skeleton.num_joints} | backbone
    return backbone


def build_with_features(config: dict, encoder: SkeletonEncoder) -> BaseModule:
    """Build a neck or head for the features of an encoder.

    Args:
        config (dict): Config of the neck or head. ``in_channels`` is set if it is missing.
        encoder (SkeletonEncoder): The encoder that computes the features.

    Raises:
        InputError: If ``in_channels`` is given and is not the size of the features.
    """
    size = encoder.feature_size()
    if config.get('in_channels', size) != size:
        raise InputError(
            f'{config["type"]} has in_channels={config["in_channels"]}, but the features of '
            f'{type(encoder.backbone).__name__} have size {size}; leave in_channels out'
        )
    return MODELS.build({**config, 'in_channels': size})

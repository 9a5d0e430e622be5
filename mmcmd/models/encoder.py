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
    """A modality, a backbone and a pooling: from joint coordinates to one feature per sequence.

    If the config leaves them out, the encoder fills in the options that depend on the skeleton:
    ``num_joints`` of a recurrent backbone, the layout in ``graph_cfg`` of a graph backbone.

    A backbone takes (N, M, T, V, C). A graph backbone of mmaction2 returns a map (N, M, D, T', V).
    A recurrent backbone has a method ``feature_map``, which returns such a map with M = V = 1, and
    a method ``read``, which reduces it to a feature.

    Args:
        backbone (dict): ``BiGRU``, or a graph backbone of mmaction2, or one of your own.
        layout (str | dict): Joint layout of the data. Defaults to ``'ntu'``.
        modality (str): Name of the modality that the backbone gets. Defaults to ``'joint'``.
        pooling (dict, optional): Module that reduces a map (N, M, D, T', V) to (N, D). By default
            the method ``read`` of the backbone does this. If it has none, the mean over persons,
            time and joints is taken.

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
        """Return the last map of the backbone, before pooling.

        Args:
            joints (Tensor): Joint coordinates, shape (N, M, T, V, C).

        Returns:
            Tensor: Shape (N, M, D, T', V). M and V are 1 if the backbone joins persons and joints,
            and T' is 1 if it joins the frames too.
        """
        return self._encode(self.modality(joints))

    def encode_modality(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """Return the maps of several batches to which the modality was applied before.

        A method that changes the modality (mixes, masks or fills it) calls this function instead of
        :meth:`feature_map`. The results are those of one pass for each batch, in this order; each
        batch has BatchNorm statistics of its own. A recurrent backbone runs its network once over
        all batches, which is faster.

        Args:
            batches (Sequence[Tensor]): The modality, each of shape (N, M, T, V, C).

        Returns:
            list[Tensor]: For each batch its map, (N, M, D, T', V) as in :meth:`feature_map`.
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
            steps (Tensor, optional): How many of the T' steps are valid, shape (N,).

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
            valid_frames (Tensor, optional): How many of the T frames are valid; the others pad the
                end of the sequence. Shape (N,).

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
            valid_frames (Tensor): How many of the T frames are valid, shape (N,).
            num_frames (int): T.

        Returns:
            Tensor: Shape (N, D).
        """
        length = feature_map.shape[3]
        steps = (valid_frames * length + num_frames - 1).div(num_frames, rounding_mode='floor')
        return self.pool(feature_map, steps.clamp(1, length))

    @torch.no_grad()
    def feature_size(self) -> int:
        """Return D. If it is not known, a sequence of zeros is encoded to find it."""
        size = getattr(self.backbone, 'out_channels', None)
        if size is None or self.pooling is not None:
            size = self._on_zeros(self).shape[1]
        return size

    def _sized(self, pooling: dict) -> dict:
        """Fill in the sizes of a pooling that has weights."""
        known = inspect.signature(MODELS.get(pooling['type'])).parameters
        if 'in_channels' not in known:
            return pooling
        with torch.no_grad():
            size = self._on_zeros(self.feature_map).shape[2]
        sizes = {'in_channels': size, 'out_channels': prod(self.frame_shape)}
        return sizes | pooling

    def _on_zeros(self, call: Callable[[Tensor], Tensor]) -> Tensor:
        """Call a function of this encoder, in ``eval()``, with one sequence of zeros."""
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
        num_frames (int, optional): Repeat the steps so that there are T, one for each frame. By
            default there are T'.

    Returns:
        Tensor: A feature for each step, shape (N, T or T', D).
    """
    steps = feature_map.mean(dim=(1, 4))
    if num_frames not in (None, steps.shape[2]):
        steps = F.interpolate(steps, size=num_frames)
    return steps.transpose(1, 2)


def joints_of(frames: Tensor, frame_shape: Sequence[int]) -> Tensor:
    """Separate the values of a frame, which are in the released order (V, C, M).

    Args:
        frames (Tensor): Shape (N, T, V * C * M).
        frame_shape (Sequence[int]): (M, V, C).

    Returns:
        Tensor: Shape (N, M, T, V, C).
    """
    persons, joints, channels = frame_shape
    return frames.unflatten(2, (joints, channels, persons)).permute(0, 4, 1, 2, 3)


def encode_streams(encoders: Mapping[str, SkeletonEncoder], joints: Tensor) -> dict[str, Tensor]:
    """Encode sequences in several streams, together if the ``kernel`` of the backbones asks for it.

    Args:
        encoders (Mapping[str, SkeletonEncoder]): By stream.
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


def _fit(backbone: dict, layout: str | Mapping[str, Any]) -> dict:
    """Fill in the options that depend on the layout."""
    skeleton = get_layout(layout)
    cls = MODELS.get(backbone['type'])
    known = inspect.signature(cls).parameters if cls else {}
    if 'graph_cfg' in known:
        own = getattr(cls, 'uses_layout_graph', False)
        graph = {'layout': skeleton.own_graph if own else skeleton.graph}
        return backbone | {'graph_cfg': graph | backbone.get('graph_cfg', {})}
    if 'num_joints' in known:
        return {'num_joints': skeleton.num_joints} | backbone
    return backbone


def build_with_features(config: dict, encoder: SkeletonEncoder) -> BaseModule:
    """Build a neck or head that takes an encoder's features.

    Args:
        config (dict): ``in_channels`` is filled in if it is not given.
        encoder (SkeletonEncoder): The encoder that makes the features.

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

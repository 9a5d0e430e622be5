from collections.abc import Sequence
from itertools import chain
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.backends.cudnn.rnn import get_cudnn_mode

from mmcmd.errors import InputError
from mmcmd.models.backbones.kernels import (
    is_special,
    layers_of,
    run_forward,
    run_kernel,
    run_own,
)
from mmcmd.models.necks.frame_readout import last_step
from mmcmd.models.necks.graph_pooling import mean_over_steps
from mmcmd.registry import MODELS

MODES = ('stepwise', 'bidirectional', 'forward')
READOUTS = ('last', 'ends', 'mean')
ORDERS = {'vcm': (0, 3, 4, 1, 2), 'cvm': (0, 4, 3, 1, 2)}
"""Permutations of the axes (N, M, T, V, C) before a frame is flattened, with time last."""
INITS = ('xavier', 'uniform', 'orthogonal')
KERNELS = ('auto', 'batched', 'triton')


class RecurrentEncoder(BaseModule):
    """Base class of recurrent encoders: input BatchNorm, recurrent network and readout.

    The options cover the differences between the published encoders. The defaults are those of CMD,
    ISC and PCM3. The encoders of AS-CAL, MS2L and P&C have no BatchNorm. Those of AS-CAL and MS2L
    also have another order of the channels of a frame, and other initial weights.

    Args:
        num_joints (int): V. Defaults to 25.
        num_person (int): M. Defaults to 2.
        in_channels (int): C. Defaults to 3.
        hidden_size (int): Number of hidden units of one direction. Defaults to 1024.
        num_layers (int): Number of layers. Defaults to 3.
        mode (str, optional): ``'forward'`` has one direction, ``'bidirectional'`` has two.
            ``'stepwise'`` has the weights of two directions but runs both forward in time (see
            :class:`BiGRU`). Defaults to ``default_mode`` of the class.
        readout (str): ``'last'`` is the output of the last frame. ``'ends'`` concatenates the last
            output of the forward direction and the first output of the reverse direction.
            ``'mean'`` is the mean over time. Defaults to ``'last'``.
        with_norm (bool): Use an input BatchNorm. Defaults to True.
        order (str): Order of the channels of a frame, ``'vcm'`` (joint, coordinate, person) or
            ``'cvm'``. Defaults to ``'vcm'``.
        rnn_init (str): Initial weights. ``'xavier'``: all matrices are Xavier-uniform, and biases
            keep torch's default. ``'uniform'``: all weights keep torch's default. ``'orthogonal'``:
            input matrices are Xavier-uniform, recurrent matrices orthogonal, biases 0. Defaults to
            ``'xavier'``.
        kernel (str): How a stepwise GRU is computed. ``'auto'`` uses our recurrence on a CPU, and
            on a GPU one call of cuDNN for each layer and direction. ``'batched'`` uses one product
            per frame for both directions of a layer, and for all streams of equal size.
            ``'triton'`` does the same, and uses one kernel for the rest of a frame on a GPU.
            ``'batched'`` and ``'triton'`` are faster only in a CUDA graph. Defaults to ``'auto'``.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Attributes:
        out_channels (int): Size of the feature: ``hidden_size`` times the number of directions.

    Raises:
        InputError: If ``mode``, ``readout``, ``order``, ``rnn_init`` or ``kernel`` is unknown, or
            if ``kernel`` needs a stepwise GRU and this encoder is none.
    """

    cell: ClassVar[type[nn.RNNBase]]
    default_mode: ClassVar[str] = 'forward'

    def __init__(
        self,
        num_joints: int = 25,
        num_person: int = 2,
        in_channels: int = 3,
        hidden_size: int = 1024,
        num_layers: int = 3,
        mode: str | None = None,
        readout: str = 'last',
        with_norm: bool = True,
        order: str = 'vcm',
        rnn_init: str = 'xavier',
        kernel: str = 'auto',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        mode = mode or self.default_mode
        for option, value, choices in (
            ('mode', mode, MODES),
            ('readout', readout, READOUTS),
            ('order', order, tuple(ORDERS)),
            ('rnn_init', rnn_init, INITS),
            ('kernel', kernel, KERNELS),
        ):
            if value not in choices:
                raise InputError(
                    f'{type(self).__name__} {option} must be one of {choices}, but got {value!r}'
                )
        if kernel != 'auto' and (mode != 'stepwise' or self.cell is not nn.GRU):
            raise InputError(
                f'{type(self).__name__} kernel={kernel!r} is for a GRU with mode="stepwise"; use '
                "kernel='auto'"
            )
        self.num_joints, self.num_person, self.in_channels = num_joints, num_person, in_channels
        self.mode = mode
        self.readout = readout
        self.order = order
        self.kernel = kernel
        frame_size = num_joints * num_person * in_channels
        two = mode != 'forward'
        self.out_channels = hidden_size * (1 + two)
        self.input_norm = nn.BatchNorm1d(frame_size) if with_norm else nn.Identity()
        self.rnn = self.cell(frame_size, hidden_size, num_layers, bidirectional=two)
        _initialize(self.rnn, rnn_init)

    def forward(self, joints: Tensor) -> Tensor:
        """Encode a modality (N, M, T, V, C) to a feature (N, out_channels)."""
        return self.read(self.feature_map(joints))

    def feature_map(self, joints: Tensor) -> Tensor:
        """Run the recurrent network.

        Args:
            joints (Tensor): Any modality, shape (N, M, T, V, C).

        Returns:
            Tensor: Outputs of all frames, shape (N, 1, out_channels, T, 1).

        Raises:
            InputError: If the numbers of persons, joints or coordinates are not those of the
                backbone.
        """
        return self.encode_batches([joints])[0]

    def encode_batches(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """Run the recurrent network once over several batches.

        The results are the same as with one call of :meth:`feature_map` per batch, in this order.
        The input BatchNorm processes each batch separately.

        Args:
            batches (Sequence[Tensor]): Any modality, each of shape (N, M, T, V, C). N may differ.

        Returns:
            list[Tensor]: The outputs for each batch, shape (N, 1, out_channels, T, 1).
        """
        frames = [self._frames(joints) for joints in batches]
        together = torch.cat(frames, dim=1) if len(frames) > 1 else frames[0]
        if self.mode == 'stepwise':
            outputs = _as_map(run_forward(self.rnn, together, self.kernel))
        else:
            outputs = _as_map(run_kernel(self.rnn, together))
        return list(outputs.split([x.shape[1] for x in frames])) if len(frames) > 1 else [outputs]

    def _frames(self, joints: Tensor) -> Tensor:
        """Check and normalise a modality (N, M, T, V, C), and return it as frames (T, N, F)."""
        shape = self.num_person, self.num_joints, self.in_channels
        if (joints.shape[1], *joints.shape[3:]) != shape:
            raise InputError(
                f'{type(self).__name__} was built for (N, M={shape[0]}, T, V={shape[1]}, '
                f'C={shape[2]}) but got an input of shape {tuple(joints.shape)}; set '
                'data.num_person, or num_joints or in_channels of model.backbone'
            )
        frames = joints.permute(ORDERS[self.order]).flatten(1, 3)
        return self.input_norm(frames).permute(2, 0, 1)

    def read(self, feature_map: Tensor, steps: Tensor | None = None) -> Tensor:
        """Reduce the outputs of all frames to one feature, according to ``readout``.

        Args:
            feature_map (Tensor): Shape (N, 1, out_channels, T, 1).
            steps (Tensor, optional): Numbers of valid frames, shape (N,). ``'last'`` then reads the
                last valid frame, and ``'mean'`` averages over the valid frames.

        Returns:
            Tensor: Shape (N, out_channels).
        """
        outputs = feature_map[:, 0, :, :, 0]
        if self.readout == 'mean':
            return outputs.mean(dim=2) if steps is None else mean_over_steps(outputs, steps)
        last = last_step(outputs, steps)
        if self.readout == 'ends' and self.mode != 'forward':
            half = last.shape[1] // 2
            return torch.cat([last[:, :half], outputs[:, half:, 0]], dim=1)
        return last

    def _apply(self, *args: Any, **kwargs: Any) -> 'RecurrentEncoder':
        """Move the weights, for example with ``.to()``, and restore their layout in memory.

        cuDNN needs the weights of a call in one block of memory. torch arranges the weights for a
        call with the whole network, but ``stepwise`` calls each layer and direction separately.
        Without this method, each call would copy its weights into one block.
        """
        super()._apply(*args, **kwargs)
        weights = self.rnn._flat_weights
        if self.mode == 'stepwise' and all(torch.backends.cudnn.is_acceptable(x) for x in weights):
            with torch.no_grad(), torch.cuda.device_of(weights[0]):
                for part in chain(*layers_of(self.rnn)):
                    torch._cudnn_rnn_flatten_weight(
                        part,
                        weight_stride0=len(part),
                        input_size=part[0].shape[1],
                        mode=get_cudnn_mode(self.rnn.mode),
                        hidden_size=self.rnn.hidden_size,
                        proj_size=0,
                        num_layers=1,
                        batch_first=False,
                        bidirectional=False,
                    )
        return self


def _initialize(rnn: nn.RNNBase, kind: str) -> None:
    """Initialise a recurrent network according to ``rnn_init``."""
    for name, parameter in rnn.named_parameters():
        if kind == 'orthogonal' and parameter.dim() == 1:
            nn.init.zeros_(parameter)
        elif kind == 'orthogonal' and name.startswith('weight_hh'):
            nn.init.orthogonal_(parameter)
        elif kind != 'uniform' and parameter.dim() == 2:
            nn.init.xavier_uniform_(parameter)


def can_run_together(backbones: Sequence[nn.Module]) -> bool:
    """Return whether :func:`feature_maps` can run these backbones together."""
    if not all(isinstance(x, RecurrentEncoder) and x.kernel != 'auto' for x in backbones):
        return False
    kinds = {(x.kernel, *(w.shape for w in x.rnn._flat_weights)) for x in backbones}
    return len(kinds) == 1 and not is_special()


def feature_maps(backbones: Sequence[RecurrentEncoder], joints: Sequence[Tensor]) -> list[Tensor]:
    """Run stepwise GRUs of equal sizes together, each on its own input.

    Args:
        backbones (Sequence[RecurrentEncoder]): See :func:`can_run_together`.
        joints (Sequence[Tensor]): Their inputs, each of shape (N, M, T, V, C).

    Returns:
        list[Tensor]: The feature map of each backbone, shape (N, 1, out_channels, T, 1).
    """
    frames = torch.stack([x._frames(y) for x, y in zip(backbones, joints, strict=True)])
    layers = [[*chain(*grus)] for grus in zip(*(layers_of(x.rnn) for x in backbones), strict=True)]
    return [_as_map(x) for x in run_own(frames, layers, backbones[0].kernel)]


def _as_map(outputs: Tensor) -> Tensor:
    """Return outputs (T, N, D) as a map (N, 1, D, T, 1)."""
    return outputs.permute(1, 2, 0)[:, None, :, :, None]


@MODELS.register_module()
class BiGRU(RecurrentEncoder):
    """The common recurrent encoder: input BatchNorm and a multi-layer GRU with two directions.

    The published results use mode ``stepwise``. The released code calls a bidirectional GRU with
    one frame at a time, so its "reverse" weights also run forward in time. This equals two forward
    GRUs per layer with the same input and concatenated outputs. This class computes it in this way,
    over whole sequences. Mode ``bidirectional`` is what the text of the paper describes (Sec. 4.1).
    Both modes have the parameters of ``nn.GRU(bidirectional=True)``. The options are those of
    :class:`RecurrentEncoder`.
    """

    cell = nn.GRU
    default_mode = 'stepwise'


@MODELS.register_module()
class GRU(RecurrentEncoder):
    """A multi-layer GRU. It has one direction unless ``mode`` is given."""

    cell = nn.GRU


@MODELS.register_module()
class LSTM(RecurrentEncoder):
    """A multi-layer LSTM. It has one direction unless ``mode`` is given."""

    cell = nn.LSTM

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.models.backbones.kernels import run_kernel
from mmcmd.registry import MODELS

INPUTS = ('zero', 'fixed_state', 'teacher')


@MODELS.register_module()
class AutoregressiveDecoder(BaseModule):
    """A GRU that predicts a sequence frame by frame. Its initial state is the feature (P&C).

    The decoder is weak on purpose, so that the feature must hold the information about the
    sequence. ``inputs`` chooses the inputs of the GRU:

    - ``'zero'``: all inputs are 0.
    - ``'fixed_state'``: the state of every frame is the feature. The first input is the first
      frame, and each later input is the previous output. The output of the network is added to
      the input.
    - ``'teacher'``: the first input is 0, and the others are the true frames. As in the released
      code, the input at each frame is the frame that must be predicted.

    All matrices are initialised as Xavier-uniform.

    Args:
        in_channels (int): Size of the feature and of the state, D.
        out_channels (int): Number of values of a frame, F.
        inputs (str): ``'zero'``, ``'fixed_state'`` or ``'teacher'``. Defaults to ``'zero'``.
        frozen (bool): Train only the output layer, not the GRU. Defaults to False, because the
            released programs train both, although the paper describes fixed weights.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If ``inputs`` is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        inputs: str = 'zero',
        frozen: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if inputs not in INPUTS:
            raise InputError(
                f'AutoregressiveDecoder takes inputs of {", ".join(INPUTS)}, but got {inputs!r}'
            )
        self.inputs = inputs
        self.gru = nn.GRU(out_channels, in_channels)
        self.out = nn.Linear(in_channels, out_channels)
        for weight in (self.gru.weight_ih_l0, self.gru.weight_hh_l0, self.out.weight):
            nn.init.xavier_uniform_(weight)
        self.gru.requires_grad_(not frozen)

    def forward(self, feature: Tensor, frames: Tensor) -> Tensor:
        """Predict a sequence.

        Args:
            feature (Tensor): Shape (N, D).
            frames (Tensor): The true frames, shape (N, T, F). ``'zero'`` uses only their shape.

        Returns:
            Tensor: Shape (N, T, F).
        """
        if self.inputs == 'fixed_state':
            return self._from_fixed_state(feature, frames)
        inputs = torch.zeros_like(frames)
        if self.inputs == 'teacher':
            inputs[:, 1:] = frames[:, 1:]
        return self.out(run_kernel(self.gru, inputs.transpose(0, 1), feature[None])).transpose(0, 1)

    def _from_fixed_state(self, feature: Tensor, frames: Tensor) -> Tensor:
        """Predict each frame from the feature and the previous output."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.gru._flat_weights
        # The state is the same in each frame, so its expensive products are computed once.
        recurrent = F.linear(feature, weight_hh, bias_hh).chunk(3, dim=1)
        output, outputs = frames[:, 0], []
        for _ in range(frames.shape[1]):
            gates = F.linear(output, weight_ih, bias_ih).chunk(3, dim=1)
            reset, update = ((a + b).sigmoid() for a, b in zip(gates[:2], recurrent, strict=False))
            candidate = (gates[2] + reset * recurrent[2]).tanh()
            output = self.out(torch.lerp(candidate, feature.to(candidate.dtype), update)) + output
            outputs.append(output)
        return torch.stack(outputs, dim=1)

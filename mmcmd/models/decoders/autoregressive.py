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
    """A GRU that starts with a feature as its state and predicts a sequence frame by frame (P&C).

    The decoder is made weak, so that the feature must hold what it needs. The feature is its only
    state, and its inputs are one of these:

    - ``'zero'``: every input is 0, and the state is carried from frame to frame.
    - ``'fixed_state'``: every frame starts with the feature again. The input is the last output,
      and the first frame at the beginning; the output is added to it.
    - ``'teacher'``: the inputs are 0 and then the true frames. As released, the input at a frame
      is the frame that must be predicted there.

    Every matrix starts Xavier-uniform.

    Args:
        in_channels (int): Size of the feature, D. It is also that of the state.
        out_channels (int): Values of a frame, F.
        inputs (str): One of the three above. Defaults to ``'zero'``.
        frozen (bool): Do not train the GRU, only the output layer. Defaults to False: the released
            programs train both, although the paper speaks of fixed weights.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If ``inputs`` is none of the three.
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
            frames (Tensor): The true frames, shape (N, T, F). ``'zero'`` uses their shape alone.

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
        """Predict each frame from the feature and the last output."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.gru._flat_weights
        # The state is the same in each frame, and so are its products, which cost the most.
        recurrent = F.linear(feature, weight_hh, bias_hh).chunk(3, dim=1)
        output, outputs = frames[:, 0], []
        for _ in range(frames.shape[1]):
            gates = F.linear(output, weight_ih, bias_ih).chunk(3, dim=1)
            reset, update = ((a + b).sigmoid() for a, b in zip(gates[:2], recurrent, strict=False))
            candidate = (gates[2] + reset * recurrent[2]).tanh()
            output = self.out(torch.lerp(candidate, feature.to(candidate.dtype), update)) + output
            outputs.append(output)
        return torch.stack(outputs, dim=1)

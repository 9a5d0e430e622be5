"""Parameters and floating point operations of encoders, recurrent ones included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.analysis import FlopAnalyzer
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from mmcmd.errors import InputError

RECURRENT = ('aten::gru', 'aten::lstm', 'aten::rnn_tanh', 'aten::rnn_relu')


@dataclass(frozen=True)
class Complexity:
    """What one pass of one sequence through an encoder costs.

    Attributes:
        params (int): Numbers that are learnt.
        flops (int): Multiply-adds, each counted once as mmengine and fvcore do; element-wise
            functions are not counted.
    """

    params: int
    flops: int


def recurrent_flops(inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    """Count the multiply-adds of a GRU, LSTM or RNN, which mmengine's analyser leaves out.

    In each step of each sequence every weight matrix, of all layers and directions, is multiplied
    by a vector once: ``steps * sum(weight.numel())``. For a GRU layer with input size F and hidden
    size H that is ``3 H (F + H)`` a step and direction.

    Args:
        inputs (Sequence[torch._C.Value]): Of the traced operator; the first is the data,
            (T, N, F) or packed (T1 + ... + TN, F).
        outputs (Sequence[torch._C.Value]): Of the traced operator.
    """
    steps = torch.Size(inputs[0].type().sizes()[:-1]).numel()
    lists = [x.node() for x in inputs if x.node().kind() == 'prim::ListConstruct']
    shapes = [x.type().sizes() for node in lists for x in node.inputs() if x.isCompleteTensor()]
    return steps * sum(shape[0] * shape[1] for shape in shapes if len(shape) == 2)


def count_flops(module: nn.Module, inputs: Tensor | tuple[Tensor, ...]) -> int:
    """Count the multiply-adds of one call of a module.

    Args:
        module (nn.Module): Whose ``forward`` is called.
        inputs (Tensor | tuple[Tensor, ...]): Its arguments.
    """
    analyzer = FlopAnalyzer(module, inputs)
    analyzer.set_op_handle(**dict.fromkeys(RECURRENT, recurrent_flops))
    analyzer.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(analyzer.tracer_warnings('none').total())


class _Parameters(TorchFunctionMode):
    """Notes the parameters that functions are called with.

    They tell an encoder from what else a model holds, whatever its attributes are called.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, nn.Parameter] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Mapping | None = None
    ) -> Any:
        leaves = tree_leaves((args, dict(kwargs or {})))
        self.seen |= {id(x): x for x in leaves if isinstance(x, nn.Parameter)}
        return func(*args, **(kwargs or {}))


class _Encoder(nn.Module):
    """One modality's encoder, as the module that the analyser wants."""

    def __init__(self, model: BaseModel, modality: str) -> None:
        super().__init__()
        self.model = model
        self.modality = modality

    def forward(self, inputs: Tensor) -> Tensor:
        return self.model.extract_feat(inputs, self.modality)


@torch.no_grad()
def encoder_complexity(model: BaseModel, shape: Sequence[int]) -> dict[str, Complexity]:
    """Measure the encoder of each modality on one sequence.

    Args:
        model (BaseModel): Any with ``modalities`` and ``extract_feat``.
        shape (Sequence[int]): Of a sequence, (M, T, V, C).

    Returns:
        dict[str, Complexity]: By modality.

    Raises:
        InputError: If the model does not take sequences of that shape.
    """
    model.eval()
    inputs = torch.zeros(1, *shape, device=next(model.parameters()).device)
    found = {}
    for name in model.modalities:
        try:
            with _Parameters() as parameters:
                model.extract_feat(inputs, name)
            flops = count_flops(_Encoder(model, name), inputs)
        except (RuntimeError, IndexError) as error:
            reason = str(error).split('\n')[0]
            raise InputError(
                f'the encoder takes no sequence (M, T, V, C) of shape {tuple(shape)}: {reason}'
            ) from error
        found[name] = Complexity(sum(x.numel() for x in parameters.seen.values()), flops)
    return found


def step_flops(encoders: Mapping[str, Complexity]) -> int:
    """Estimate the multiply-adds of one step of momentum contrast with one sequence.

    Each encoder runs forward twice, for query and key, and backward, which costs two forward
    passes, for the query alone; projections and queues, below a percent of it for BiGRU, are left
    out.
    """
    return sum(4 * encoder.flops for encoder in encoders.values())

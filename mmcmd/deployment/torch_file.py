"""Write and run files of ``torch.export``, which need only torch."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim

from mmcmd.deployment.exportable import ExportableModel

FACTS = 'mmcmd.json'
"""Entry of the file that holds the shapes, names and settings that a user of it needs."""


def write_program(
    exportable: ExportableModel,
    inputs: Mapping[str, Tensor],
    any_length: bool,
    facts: Mapping[str, Any],
) -> bytes:
    """Convert a module with ``torch.export``.

    Args:
        exportable (ExportableModel): The module.
        inputs (Mapping[str, Tensor]): Example of its inputs.
        any_length (bool): Whether T may differ from that of the example. N may always differ.
        facts (Mapping): Shapes, names and settings that a user of the file needs. They are stored
            as JSON in the entry :data:`FACTS`.

    Returns:
        bytes: The file, for ``torch.export.load``.
    """
    free = {'keypoint': {0: Dim.AUTO, **({2: Dim.AUTO} if any_length else {})}}
    shapes = {name: free.get(name, {0: Dim.AUTO}) for name in inputs}
    with torch.no_grad(), _free_length():
        program = torch.export.export(
            exportable, (), dict(inputs), dynamic_shapes=shapes, strict=False
        )
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={FACTS: json.dumps(facts)})
    return buffer.getvalue()


@contextmanager
def _free_length() -> Iterator[None]:
    """Let a recurrent network accept any number of frames.

    Without this, torch follows the shapes through a network that is unrolled frame by frame. This
    takes two to four times as long, and fixes the number of frames. The exported program is
    otherwise the same: it calls torch's own kernels. If torch lacks the two functions, the number
    of frames is fixed.
    """
    try:
        from torch.export._patches import (
            register_gru_while_loop_decomposition,
            register_lstm_while_loop_decomposition,
        )
    except ImportError:
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(register_gru_while_loop_decomposition())
        stack.enter_context(register_lstm_while_loop_decomposition())
        yield


class Program:
    """Runs a file of ``torch.export``.

    Args:
        file (bytes): The file.
    """

    def __init__(self, file: bytes) -> None:
        self.module = torch.export.load(io.BytesIO(file)).module()

    @torch.no_grad()
    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs by name."""
        return self.module(**inputs)

"""Write ONNX files with torch's exporter, and run them with onnxruntime."""

import io
import json
import warnings
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from mmcmd.deployment.exportable import ExportableModel
from mmcmd.errors import InputError

OPSET = 17
"""Version of the operators. onnxruntime supports it since version 1.12."""
LARGEST = 2 * 10**9
"""Largest size of the weights in bytes. An ONNX file is a protobuf message, at most 2 GiB long."""


class _Values(nn.Module):
    """Return the outputs as a tuple, because the exporter loses the names of a dict."""

    def __init__(self, exportable: ExportableModel) -> None:
        super().__init__()
        self.exportable = exportable

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.exportable(*inputs).values())


def write_onnx(
    exportable: ExportableModel,
    inputs: Mapping[str, Tensor],
    any_length: bool,
    facts: Mapping[str, Any],
) -> bytes:
    """Convert a module to ONNX.

    The tracing exporter of torch is used. It makes one ``GRU`` node for each layer and direction,
    and this node accepts any number of frames. The newer exporter of torch fixes the number of
    frames of a recurrent network, and takes 5 to 70 times as long (docs/export.md).

    Args:
        exportable (ExportableModel): The module.
        inputs (Mapping[str, Tensor]): Example of its inputs.
        any_length (bool): Whether T may differ from that of the example. N may always differ.
        facts (Mapping): Shapes, names and settings that a user of the file needs. They are stored
            as JSON in the entry ``mmcmd`` of its metadata.

    Returns:
        bytes: The file.

    Raises:
        InputError: If the weights are too large, or the package onnx is not installed.
    """
    onnx = import_extra('onnx')
    size = sum(x.nbytes for x in exportable.state_dict().values())
    if size > LARGEST:
        raise InputError(
            f'the streams have {size / 1e9:.1f} GB of weights, but an ONNX file can hold at most '
            '2 GB; export fewer --streams at a time'
        )
    names = exportable.output_names
    axes: dict[str, dict[int, str]] = {name: {0: 'N'} for name in (*inputs, *names)}
    if any_length:
        axes['keypoint'][2] = 'T'
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter warns that shape checks in Python are not in the graph, and that it is old.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            _Values(exportable).eval(),
            tuple(inputs.values()),
            buffer,
            input_names=list(inputs),
            output_names=names,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    entry = model.metadata_props.add()
    entry.key, entry.value = 'mmcmd', json.dumps(facts)
    onnx.checker.check_model(model)
    return model.SerializeToString()


class OnnxSession:
    """Runs an ONNX file with onnxruntime, on the CPU with as many threads as torch uses.

    Args:
        file (bytes): The file.

    Raises:
        InputError: If the package onnxruntime is not installed.
    """

    def __init__(self, file: bytes) -> None:
        runtime = import_extra('onnxruntime')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # errors are also raised as exceptions
        self.session = runtime.InferenceSession(file, options, ['CPUExecutionProvider'])
        self.names = [x.name for x in self.session.get_outputs()]

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs by name."""
        values = self.session.run(None, {name: x.numpy() for name, x in inputs.items()})
        return {name: torch.from_numpy(x) for name, x in zip(self.names, values, strict=True)}


def import_extra(package: str) -> ModuleType:
    """Import a package of the extra ``export``.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise InputError(
            f'the export to ONNX needs the package {package} ({error}): pip install "mmcmd[export]"'
        ) from None

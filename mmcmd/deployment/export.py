"""Export a checkpoint to a file that runs without this package."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from torch import Tensor

from mmcmd.deployment.checking import (
    TOLERANCE,
    Latency,
    Run,
    largest_difference,
    measure_latency,
    takes_length,
)
from mmcmd.deployment.exportable import ExportableModel, example_inputs, load_exportable
from mmcmd.deployment.onnx_file import OnnxSession, import_extra, write_onnx
from mmcmd.deployment.preprocessing import preprocessing_source
from mmcmd.deployment.torch_file import Program, write_program
from mmcmd.errors import InputError
from mmcmd.inference.checkpoints import Recipe
from mmcmd.io.files import replace_file
from mmcmd.version import __version__


class Format(NamedTuple):
    """A file format: its ending, and functions that write and run such files."""

    suffix: str
    write: Callable[..., bytes]
    load: Callable[[bytes], Run]


FORMATS = {
    'onnx': Format('.onnx', write_onnx, OnnxSession),
    'torch_export': Format('.pt2', write_program, Program),
}


class Exported(NamedTuple):
    """Result of an export.

    Attributes:
        path (Path): The file.
        preprocessing (Path | None): The Python file beside it, if it was written.
        facts (dict): Shapes, names and settings that a user of the file needs. They are also stored
            in the file.
        difference (float): Largest difference from torch, see :data:`TOLERANCE`.
        latency (Latency): Time for one clip.
        seconds (float): Time of the conversion, without checks.
    """

    path: Path
    preprocessing: Path | None
    facts: dict[str, Any]
    difference: float
    latency: Latency
    seconds: float


def export_checkpoint(
    checkpoint: str | Path,
    out: str | Path | None = None,
    fmt: str = 'onnx',
    output: str | None = None,
    streams: Sequence[str] | None = None,
    config: str | Path | Config | None = None,
    with_preprocessing: bool = True,
    timing: float = 3.0,
) -> Exported:
    """Export the encoders of a checkpoint, and check the file against torch.

    Nothing is written if a check fails.

    Args:
        checkpoint (str | Path): Checkpoint of a training, or a published checkpoint.
        out (str | Path, optional): The file. Defaults to the name of the checkpoint with the ending
            of the format.
        fmt (str): ``'onnx'`` or ``'torch_export'``. Defaults to ``'onnx'``.
        output (str, optional): See :func:`load_exportable`.
        streams (Sequence[str], optional): Names of the streams. Defaults to all.
        config (str | Path | Config, optional): See :func:`load_exportable`.
        with_preprocessing (bool): Also write the pre-processing as a Python file. Defaults to True.
        timing (float): Approximate time of the latency measurement in seconds. Defaults to 3.

    Raises:
        InputError: If the checkpoint cannot be exported. The message says why.
    """
    if fmt not in FORMATS:
        raise InputError(f'the format must be one of {", ".join(FORMATS)}, but got {fmt!r}')
    if fmt == 'onnx':  # check this before the long work
        import_extra('onnx')
        import_extra('onnxruntime')
    out = Path(out or str(checkpoint).rstrip('/').removesuffix('.pth') + FORMATS[fmt].suffix)
    if out.suffix != FORMATS[fmt].suffix:
        raise InputError(f'--out {out} must end in {FORMATS[fmt].suffix} for the format {fmt}')
    exportable, recipe = load_exportable(checkpoint, output, streams, config)
    facts = _facts(exportable, recipe)
    text = preprocessing_source(recipe, facts) if with_preprocessing else None
    counts = facts['counts_valid_frames']
    batches = [
        example_inputs(exportable, batch, frames, counts, seed=batch)
        for batch, frames in ((2, recipe.clip_len), (1, recipe.clip_len), (3, 2 * recipe.clip_len))
    ]
    done = None
    if takes_length(exportable, 2 * recipe.clip_len, counts):
        done = _try(fmt, exportable, batches, facts | {'any_length': True})
    if done is None:
        done = _convert(fmt, exportable, batches[:2], facts | {'any_length': False})
    if done.difference > TOLERANCE:
        raise InputError(
            f'the {fmt} file of {checkpoint} differs from torch by {done.difference:.2g}, more '
            f'than {TOLERANCE:g}, so it is not written; try another --format'
        )
    latency = measure_latency(done.run, exportable, batches[1], timing)
    with replace_file(out) as target:
        target.write(done.file)
    beside = None
    if text is not None:
        stem = ''.join(x if x.isalnum() else '_' for x in out.stem)
        beside = out.with_name(f'{stem}_prepare.py')
        with replace_file(beside) as target:
            target.write(text.encode())
    return Exported(out, beside, done.facts, done.difference, latency, done.seconds)


class _Conversion(NamedTuple):
    file: bytes
    run: Run
    difference: float
    seconds: float
    facts: dict[str, Any]


def _try(*arguments: Any) -> _Conversion | None:
    """Convert for clips of any length; None if the graph is only correct for one length."""
    try:
        done = _convert(*arguments)
    except InputError:
        return None
    return done if done.difference <= TOLERANCE else None


def _convert(
    fmt: str,
    exportable: ExportableModel,
    batches: Sequence[Mapping[str, Tensor]],
    facts: dict[str, Any],
) -> _Conversion:
    """Convert a module, and compare the file with the module.

    Raises:
        InputError: If torch cannot convert the module.
    """
    try:
        start = time.perf_counter()
        file = FORMATS[fmt].write(exportable, batches[0], facts['any_length'], facts)
        seconds = time.perf_counter() - start
        run = FORMATS[fmt].load(file)
        difference = max(largest_difference(run, exportable, x) for x in batches)
    except InputError:
        raise
    except Exception as error:  # torch and the runtime raise errors of many kinds
        names = {type(x.backbone).__name__ for x in exportable.model.encoders.values()}
        reason = next((x.strip() for x in str(error).splitlines() if x.strip()), '')
        raise InputError(
            f'{", ".join(sorted(names))} cannot be exported as {fmt} '
            f'({type(error).__name__}: {reason[:200].rstrip(".")}); try another --format'
        ) from error
    return _Conversion(file, run, difference, seconds, facts)


def _facts(exportable: ExportableModel, recipe: Recipe) -> dict[str, Any]:
    """Return the shapes, names and settings that a user of the file needs."""
    persons, joints, channels = exportable.clip_shape
    counts = any(x['type'] == 'PadFrames' and x.get('count_valid', True) for x in recipe.pipeline)
    return {
        'mmcmd': __version__,
        'method': recipe.method,
        'output': exportable.output,
        'outputs': exportable.output_names,
        'classes': recipe.classes,
        'layout': recipe.layout.name,
        'joints': list(recipe.layout.joints),
        'num_person': persons,
        'clip_len': recipe.clip_len,
        'num_joints': joints,
        'in_channels': channels,
        'counts_valid_frames': counts,
    }

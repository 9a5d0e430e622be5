"""Compare all recordings of a folder with our code."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mmcmd  # noqa: F401  (registers the models)
from mmcmd.errors import InputError
from tests.golden.aimclr import run_aimclr
from tests.golden.ascal import run_ascal, run_ascal_transforms
from tests.golden.cmd import run_cmd
from tests.golden.contrast import run_crossclr, run_skeletonclr
from tests.golden.isc import run_hcn, run_isc
from tests.golden.mamp import run_mamp
from tests.golden.mamp_evaluation import run_mamp_eval
from tests.golden.mamp_pipeline import run_mamp_pipeline
from tests.golden.ms2l import run_ms2l, run_ms2l_transforms
from tests.golden.pc import run_pc, run_pc_transforms
from tests.golden.pcm3 import run_pcm3, run_pcm3_transforms
from tests.golden.precision import PRECISIONS, Precision
from tests.golden.recordings import Recording, find, recording_name
from tests.golden.report import HEADING, LEGEND, Report
from tests.golden.slim import run_slim
from tests.golden.slim_pipeline import run_slim_masks, run_slim_pipeline
from tests.golden.stars import run_stars
from tests.golden.transforms import run_frame50, run_pipeline
from tests.golden.usdrl import run_usdrl

RUNNERS: dict[str, Callable[..., Report]] = {
    'cmd': run_cmd,
    'skeletonclr': run_skeletonclr,
    'crossclr': run_crossclr,
    'crossclr_2s': run_crossclr,
    'aimclr': run_aimclr,
    'isc': run_isc,
    'isc_hcn': run_hcn,
    'pcm3': run_pcm3,
    'pcm3_noprompt_bone': run_pcm3,
    'pcm3_transforms': run_pcm3_transforms,
    'ascal': run_ascal,
    'ascal_transforms': run_ascal_transforms,
    'ms2l': run_ms2l,
    'ms2l_transforms': run_ms2l_transforms,
    'mamp': run_mamp,
    'mamp_eval': run_mamp_eval,
    'mamp_pipeline': run_mamp_pipeline,
    'skeletonmae': run_mamp,
    'slim': run_slim,
    'slim_pipeline': run_slim_pipeline,
    'slim_masks': run_slim_masks,
    'stars': run_stars,
    'usdrl_dste': run_usdrl,
    'usdrl_sttr': run_usdrl,
    'pc': run_pc,
    'pc_transforms': run_pc_transforms,
    'frame50': run_frame50,
    'pipeline': run_pipeline,
}
"""For each recording, its name (or file name, or the beginning of it) and its function."""


def runner_of(name: str) -> Callable[..., Report] | None:
    """Return the function that runs a recording; ``aimclr_motion`` uses that of ``aimclr``.

    Args:
        name (str): Name of the recording, or of its file without ``.npz``.
    """
    fitting = [known for known in RUNNERS if f'{name}_'.startswith(f'{known}_')]
    return RUNNERS[max(fitting, key=len)] if fitting else None


def load(
    folder: Path, names: Sequence[str] = (), precision: Precision = PRECISIONS['float64']
) -> tuple[list[Recording], list[str]]:
    """Choose the recordings of a folder.

    Args:
        folder (Path): Folder of ``.npz`` files.
        names (Sequence[str]): Names of recordings or of their files. By default, all recordings
            that can be run. A name may mean two files, ``NAME_train`` and ``NAME_transforms``.
        precision (Precision, optional): Number format and device. Defaults to float64 on a CPU.

    Returns:
        tuple: The recordings to run, and the files that no method of ours can run.

    Raises:
        InputError: If the folder has no recordings, or a name cannot be run.
    """
    paths = sorted(find(folder), key=is_no_training)
    runnable = [path for path in paths if runner_of(path.stem)]
    known: dict[str, list[Path]] = {}
    for path in runnable:
        for name in {recording_name(path), path.stem}:
            known.setdefault(name, []).append(path)
    short = dict.fromkeys(map(recording_name, runnable))
    for name in names:
        if runner_of(name) is None:
            raise InputError(
                f'no method of this package runs recordings of {name!r}; give one of '
                f'{", ".join(RUNNERS)}'
            )
        if name not in known:
            raise InputError(
                f'{folder} has no recording of {name}; of those that can be run it has '
                f'{", ".join(short) or "none"}'
            )
    if not known:
        raise InputError(
            f'{folder} holds recordings, but none of {", ".join(RUNNERS)}; give a folder with one '
            'of them'
        )
    skipped = [path.stem for path in paths if path not in runnable]
    chosen = [path for name in names or short for path in known[name]]
    return [Recording(path, precision) for path in chosen], skipped


def run(recording: Recording, **options: Any) -> Report:
    """Run one recording in its number format.

    Args:
        recording (Recording): Recording of a method that can be run.
        **options: Options of the model that replace the recorded ones.
    """
    with recording.precision.switched_on():
        return runner_of(recording.path.stem)(recording, **options)


def is_no_training(path: Path) -> bool:
    """Return whether a recording is one of a method's others, which come after its training."""
    return path.stem.endswith(('_transforms', '_eval', '_pipeline', '_masks'))


def main(
    folder: Path, names: Sequence[str] = (), precision: Precision = PRECISIONS['float64']
) -> int:
    """Run recordings, print the worst errors, and return the exit status.

    Returns:
        int: 1 if a bound is broken, else 0.
    """
    recordings, skipped = load(folder, names, precision)
    print(HEADING)
    broken = []
    for recording in recordings:
        report = run(recording)
        broken += [f'{recording.name} {kind}' for kind in report.broken()]
        print('\n'.join(report.lines(recording.name)), flush=True)
    print(LEGEND)
    if skipped and not names:
        print(f'skipped, because no method of this package runs them: {", ".join(skipped)}')
    print(f'broken bounds: {", ".join(broken) or "none"}')
    return int(bool(broken))

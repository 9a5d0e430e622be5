"""Two runs of a table at the same time on two cores, against one after the other."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.harness import Figure, in_turns, ratio, seconds
from benchmarks.views import annotate, make_sequences
from mmcmd.datasets.annotations.reading import save_annotations
from mmcmd.reproduction.launchers import LocalLauncher
from mmcmd.reproduction.runs import Reproduction
from mmcmd.reproduction.schedule import run_stages

DATA = 'synthetic_xsub'
OPTIONS = ('train_cfg.val_interval=100', 'train_dataloader.num_workers=0')


def write_data(path: Path, sequences: int) -> None:
    """Write random walks of 4 classes. A third of them is for validation."""
    annotations = annotate(make_sequences(sequences), classes=4)
    names = [sample['frame_dir'] for sample in annotations]
    third = sequences // 3
    split = dict(xsub_train=names[third:], xsub_val=names[:third])
    save_annotations(dict(split=split, annotations=annotations, layout='ntu'), path)


def pretrain_twice(folder: Path, epochs: int, jobs: int) -> None:
    """Pre-train CMD from scratch with two seeds, with ``jobs`` runs at a time."""
    out = folder / 'out'
    shutil.rmtree(out, ignore_errors=True)
    options = (*OPTIONS, f'train_cfg.max_epochs={epochs}')
    files = {DATA: folder / 'data.pkl'}
    reproduction = Reproduction(DATA, out, (0, 1), ann_files=files, options=options)
    stages = [reproduction.pretraining('CMD', seed).stage for seed in (0, 1)]
    run_stages(stages, LocalLauncher(jobs))


def run(short: bool) -> Iterator[Figure]:
    """Time both in turns: two runs one after the other, and two runs at the same time."""
    epochs = 1 if short else 12
    case = f'CMD, two seeds, {epochs} epochs of 128 sequences, `--jobs 2`'
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder, 'data.pkl'), 192)
        train = partial(pretrain_twice, Path(folder), epochs)
        if short:  # only shows that it still runs
            yield Figure('side_by_side', case, seconds(partial(train, jobs=2)), 's')
            return
        times = in_turns(3, ours=partial(train, jobs=2), one=partial(train, jobs=1))
    yield Figure(
        'side_by_side',
        case,
        **ratio(times, 'one'),
        goal='>= 1.6',
        against='`--jobs 1`',
        note='two processes with one thread each, from their start to their results',
    )

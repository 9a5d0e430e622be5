"""Linear evaluation on features that are encoded once, against encoding in every epoch."""

import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.runner import Runner

from benchmarks.harness import Figure, Growth, check_equal, ratio, seconds
from benchmarks.views import make_sequences
from mmcmd.apis import load_config
from mmcmd.datasets.annotations.reading import save_annotations

CONFIG = Path(__file__).parents[1] / 'configs/benchmarks/linear.py'
MODES = {'exact': 'ResumableEpochLoop', 'cached': 'CachedFeatureLoop'}
CLASSES = 60


def write_sequences(path: Path, train: int, val: int) -> None:
    """Write sequences that are random walks; each class has its own pose."""
    poses = np.random.default_rng(0).normal(size=(CLASSES, 2, 1, 25, 3))
    annotations = []
    for index, walk in enumerate(make_sequences(train + val)):
        label = index % CLASSES
        keypoint = (poses[label, : len(walk)] + 0.1 * walk).astype(np.float32)
        annotations.append(
            dict(
                frame_dir=f'sequence{index}',
                label=label,
                keypoint=keypoint,
                total_frames=keypoint.shape[1],
            )
        )
    names = [sample['frame_dir'] for sample in annotations]
    split = dict(xsub_train=names[:train], xsub_val=names[train:])
    save_annotations(dict(split=split, annotations=annotations, layout='ntu'), path)


def build(mode: str, folder: Path, hidden: int, **train_cfg: int) -> Runner:
    """Build the runner of a config of NTU-60 with the joint modality only."""
    work_dir = Path(tempfile.mkdtemp(prefix=mode, dir=folder))
    options = {
        'train_cfg.type': MODES[mode],
        'model.modalities': ['joint'],
        'model.backbone.hidden_size': hidden,
        'visualizer.vis_backends': [],
        'log_level': 'ERROR',
        'work_dir': str(work_dir),
        'experiment_name': work_dir.name,
    }
    options |= {f'train_cfg.{name}': value for name, value in train_cfg.items()}
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options |= {
            f'{loader}.dataset.ann_file': str(folder / 'sequences.pkl'),
            f'{loader}.num_workers': 0,
            f'{loader}.persistent_workers': False,
        }
    return Runner.from_cfg(load_config(CONFIG, pretrained='random', options=options))


def outcome(runner: Runner) -> tuple[dict, dict]:
    """Return the weights and the accuracies of a finished run."""
    results = json.loads(Path(runner.work_dir, 'results.json').read_text())
    return runner.model.state_dict(), results


def check_agreement(folder: Path) -> None:
    """Check that both modes give equal results if the cached mode has a crop for each epoch."""
    runners = [
        build('exact', folder, 32, max_epochs=2),
        build('cached', folder, 32, max_epochs=2, num_crops=2),
    ]
    for runner in runners:
        runner.train()
    exact, cached = map(outcome, runners)
    check_equal(cached, exact, 'weights or accuracies of both modes', atol=1e-5, rtol=1e-4)


def run(short: bool) -> Iterator[Figure | Growth]:
    """Time both modes in turns, from the first encoding to the last validation."""
    train, val, hidden, epochs, rounds = (32, 16, 64, 3, 1) if short else (512, 128, 384, 80, 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sequences(folder / 'sequences.pkl', train, val)
        check_agreement(folder)  # this also warms up
        times = {mode: [] for mode in MODES}
        for _ in range(rounds):
            for mode, taken in times.items():
                taken.append(seconds(build(mode, folder, hidden, max_epochs=epochs).train))
        yield Figure(
            'linear',
            f'{epochs} epochs, joints of {train} + {val} sequences, 64 frames, hidden {hidden} x 3',
            **ratio(times, 'exact', under='cached'),
            goal='' if short else '>= 20',
            against='encoding a new crop of each sequence in every epoch',
            note=f'with validation, checkpoints and encoding; {rounds} rounds; with a crop for '
            'each epoch, the weights differ by at most 1e-5',
        )
        if short:
            return
        shorter = {
            n: seconds(build('cached', folder, hidden, max_epochs=n).train)
            for n in (epochs // 4, epochs // 2)
        }
        yield Growth(
            'cached linear evaluation (s)',
            'epochs',
            [*shorter, epochs],
            [*shorter.values(), statistics.median(times['cached'])],
            note='the features are encoded once for any number of epochs',
        )

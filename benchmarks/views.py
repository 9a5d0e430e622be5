"""Make augmented views, from the annotation pickle to the batch tensor, against the usual feeder.

The usual feeder reads padded, normalised arrays (N, 3, 300, 25, 2), one sample at a time. For each
of two views, it counts the frames, crops, resizes with ``F.interpolate`` and augments. torch's
default collate function makes the batch.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset, default_collate

from benchmarks.harness import Figure, check_equal, in_turns, ratio, spread
from mmcmd.datasets import SkeletonDataset, stack_inputs
from mmcmd.datasets.annotations.reading import save_annotations
from mmcmd.models import SkeletonDataPreprocessor

PIPELINE = Config.fromfile(Path(__file__).parents[1] / 'configs/_base_/pipelines/cmd.py')[
    'pretrain_pipeline'
]
BATCH = 64


class UsualFeeder(Dataset):
    """Two views of each sequence in a padded memory map.

    Args:
        path (Path): ``.npy`` file of float32, shape (N, 3, 300, 25, 2).
    """

    def __init__(self, path: Path) -> None:
        self.data = np.load(path, mmap_mode='r')
        self.rng = np.random.RandomState(0)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        data = np.array(self.data[index])
        num_frames = int(np.sum(data.sum(0).sum(-1).sum(-1) != 0))
        return tuple(self._augment(crop_resize(data, *self._crop(num_frames))) for _ in range(2))

    def _crop(self, num_frames: int) -> tuple[int, int]:
        kept = int(num_frames * self.rng.uniform(0.1, 1.0))
        kept = min(max(kept, 64), num_frames)
        return self.rng.randint(num_frames - kept + 1), kept

    def _augment(self, data: np.ndarray) -> np.ndarray:
        if self.rng.rand() < 0.5:
            matrix = self.rng.uniform(-1, 1, (3, 3))
            np.fill_diagonal(matrix, 1)
            return shear(data, matrix)
        joints = self.rng.choice(25, 15, replace=False)
        if self.rng.rand() < 0.5:
            data[:, :, joints] = 0
        else:
            data[:, :, joints] = shear(data[:, :, joints], self.rng.uniform(-1, 1, (3, 3)))
        return data


def crop_resize(data: np.ndarray, first: int, kept: int) -> np.ndarray:
    """Cut ``kept`` frames out of (3, T, 25, 2) and resize them to 64 frames."""
    channels, _, joints, persons = data.shape
    piece = torch.from_numpy(data[:, first : first + kept]).permute(0, 2, 3, 1)
    piece = piece.reshape(1, channels * joints * persons, kept)
    piece = F.interpolate(piece, size=64, mode='linear', align_corners=False)
    return piece.view(channels, joints, persons, 64).permute(0, 3, 1, 2).contiguous().numpy()


def shear(data: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply the coordinates of (3, T, V, M) by a matrix (3, 3)."""
    return np.dot(data.transpose(1, 2, 3, 0), matrix.astype(np.float32)).transpose(3, 0, 1, 2)


def make_sequences(number: int) -> list[np.ndarray]:
    """Make random walks (M, T, 25, 3) of 1 or 2 persons and 40 to 160 frames."""
    rng = np.random.default_rng(0)
    sequences = []
    for index in range(number):
        shape = 1 + index % 2, int(rng.integers(40, 161)), 25, 3
        sequences.append(rng.normal(size=shape).cumsum(axis=1).astype(np.float32))
    return sequences


def annotate(sequences: list[np.ndarray], classes: int) -> list[dict[str, Any]]:
    """Return annotations of sequences (M, T, V, C). Sequence i has the class i % classes."""
    return [
        dict(frame_dir=f'{i:06}', label=i % classes, keypoint=x, total_frames=x.shape[1])
        for i, x in enumerate(sequences)
    ]


def write_both(sequences: list[np.ndarray], folder: Path, **facts: Any) -> tuple[str, Path]:
    """Write the pickle and the padded array; return both paths."""
    annotations = annotate(sequences, classes=60)
    save_annotations(dict(split={}, annotations=annotations, **facts), folder / 'ours.pkl')
    padded = np.zeros((len(sequences), 3, 300, 25, 2), np.float32)
    for row, keypoint in zip(padded, sequences, strict=True):
        row[:, : keypoint.shape[1], :, : len(keypoint)] = keypoint.transpose(3, 1, 2, 0)
    np.save(folder / 'padded.npy', padded)
    return str(folder / 'ours.pkl'), folder / 'padded.npy'


def check_agreement(dataset: SkeletonDataset, feeder: UsualFeeder) -> None:
    """Check that the same crop and the same shear give the same view on both sides."""
    pipeline = dataset.pipeline.transforms[1].pipelines[0]
    crop, one_of, _ = pipeline.transforms
    for index in range(8):
        sample = dataset.get_data_info(index)
        sample |= dict(clip_len=64, rng=np.random.default_rng(index))
        sample = crop(sample)
        state = sample['rng'].bit_generator.state
        matrix = sample['rng'].uniform(-1, 1, (3, 3))
        np.fill_diagonal(matrix, 1)
        sample['rng'].bit_generator.state = state
        found = torch.from_numpy(one_of.transforms[0](sample)['keypoint'])
        wanted = shear(crop_resize(np.array(feeder.data[index]), *sample['crop']), matrix)
        wanted = torch.from_numpy(wanted).permute(3, 1, 2, 0)
        check_equal(found, wanted[: len(found)], 'a view of the usual feeder', 1e-4, 1e-5)


def build_loader(ann_file: str, collate: str) -> DataLoader:
    """Build the loader of pre-training, with one worker."""
    return Runner.build_dataloader(
        dict(
            batch_size=BATCH,
            num_workers=1,
            drop_last=True,
            collate_fn=dict(type=collate),
            sampler=dict(type='EpochSampler', shuffle=True),
            dataset=dict(type='SkeletonDataset', ann_file=ann_file, pipeline=PIPELINE),
        ),
        seed=0,
    )


def run(short: bool) -> Iterator[Figure]:
    """Time both from the file to the batch tensor in one process, and both ends of our loader."""
    init_default_scope('mmcmd')
    number, rounds = (448, 2) if short else (2048, 15)
    sequences = make_sequences(number)
    batches = np.random.default_rng(1).permutation(number)[: 4 * BATCH].reshape(4, BATCH).tolist()

    def ours(dataset: SkeletonDataset) -> None:
        for batch in batches:
            stack_inputs([dataset[0, 0, index] for index in batch])

    def usual(feeder: UsualFeeder) -> None:
        for batch in batches:
            default_collate([feeder[index] for index in batch])

    with tempfile.TemporaryDirectory() as folder:
        for is_normalized in (True, False):
            path, padded = write_both(sequences, Path(folder), normalized=is_normalized)
            dataset, feeder = SkeletonDataset(path, PIPELINE), UsualFeeder(padded)
            check_agreement(dataset, feeder)
            kind = '`convert.py --normalize`' if is_normalized else 'normalised when loaded'
            times = in_turns(
                rounds,
                clock=time.process_time,
                ours=partial(ours, dataset),
                feeder=partial(usual, feeder),
            )
            yield Figure(
                'views',
                f'two views, file to batch, {kind}',
                **ratio(times, 'feeder'),
                goal='' if short else '>= 3',
                against='numpy + `F.interpolate` on padded, normalised arrays',
                note=f'CPU time of {4 * BATCH} samples, 40 to 160 frames',
            )
            yield from both_ends(path, kind, short)


def both_ends(path: str, kind: str, short: bool) -> Iterator[Figure]:
    """Measure how many samples one worker makes, and how many the main process could receive."""
    given, taken, pseudo_taken = [], [], []
    for _ in range(1 if short else 5):
        worker, main = rates(build_loader(path, 'stack_inputs'))
        given.append(worker)
        taken.append(main)
        pseudo_taken.append(rates(build_loader(path, 'pseudo_collate'))[1])
    for case, values, goal, note in (
        (f'samples that one worker makes, two views, {kind}', given, '>= 1000', ''),
        (
            f'samples that the main process can receive, {kind}',
            taken,
            '>= 4000',
            f'{statistics.median(pseudo_taken):.0f} with one tensor per sample (`pseudo_collate`)',
        ),
    ):
        yield Figure(
            'views',
            case,
            **spread(values),
            unit='samples/s',
            goal='' if short else goal,
            against='what a GPU needs: 4,000 samples a second from 4 workers',
            note=note,
        )


def rates(loader: DataLoader) -> tuple[float, float]:
    """Return samples per second of one worker, and per second of CPU time of the main process."""
    to_device = SkeletonDataPreprocessor()
    batches = iter(loader)
    for _ in range(3):  # skip the batches that were prefetched while the worker started
        next(batches)
    start, own_start = time.perf_counter(), time.process_time()
    count = sum(len(to_device(batch)['inputs']) for batch in batches)
    own, elapsed = time.process_time() - own_start, time.perf_counter() - start
    return count / elapsed, count / own

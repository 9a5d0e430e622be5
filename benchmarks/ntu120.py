"""Make any number of synthetic annotations like those of NTU-120, and read them in two ways."""

import pickle
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from mmcmd.datasets import SkeletonDataset


def generate(number: int) -> dict[str, Any]:
    """Make annotations: 1 or 2 persons, 40 to 160 frames of 25 joints, pieces of random walks."""
    rng = np.random.default_rng(0)
    walk = rng.normal(size=(1 << 18, 25, 3)).astype(np.float32).cumsum(axis=0)
    persons, frames = rng.integers(1, 3, number), rng.integers(40, 161, number)
    starts = rng.integers(0, len(walk) - 320, number)
    annotations = [
        dict(
            frame_dir=f'S{i // 4000 + 1:03}C001P001R{i % 4000:04}A{i % 120 + 1:03}',
            label=i % 120,
            keypoint=walk[start : start + m * t].reshape(m, t, 25, 3),
            total_frames=int(t),
        )
        for i, (m, t, start) in enumerate(zip(persons, frames, starts, strict=True))
    ]
    names = [sample['frame_dir'] for sample in annotations]
    split = dict(xsub_train=names[::2], xsub_val=names[1::2])
    return dict(split=split, annotations=annotations, layout='ntu')


class Unpickled(Dataset):
    """A list of dicts. Each process unpickles its own copy."""

    def __init__(self, path: str, split: str) -> None:
        with open(path, 'rb') as file:
            data = pickle.load(file)
        members = set(data['split'][split])
        self.samples = [x for x in data['annotations'] if x['frame_dir'] in members]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.samples[index]['keypoint'][:1, :32]


class Mapped(SkeletonDataset):
    """The data set of this package, which returns the same part of each sample."""

    def __init__(self, path: str, split: str) -> None:
        super().__init__(path, [lambda sample: sample['keypoint'][:1, :32]], split=split)

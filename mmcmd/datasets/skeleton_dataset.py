import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmaction.datasets import PoseDataset
from mmengine.logging import print_log

from mmcmd.datasets.annotations import load_annotations, select_split
from mmcmd.datasets.layouts import get_layout
from mmcmd.datasets.samplers import SampleKey
from mmcmd.datasets.subsets import draw_subset, read_subset
from mmcmd.errors import InputError
from mmcmd.registry import DATASETS


@DATASETS.register_module()
class SkeletonDataset(PoseDataset):
    """Skeleton sequences of a pyskl-style pickle, loaded without running anything it contains.

    Besides what the file holds, a sample has ``layout``, ``clip_len`` and ``rng``, a generator
    that is a function of (seed, epoch, sample) alone when the loader's sampler is
    :class:`EpochSampler`.

    Args:
        ann_file (str): The pickle; ``tools/data/convert.py`` makes it.
        pipeline (Sequence[dict | Callable]): Transforms.
        split (str, optional): Name of a split in the file, such as ``xsub_train``; all
            sequences by default.
        layout (str | dict): Joint layout, see :func:`get_layout`. Defaults to ``'ntu'``.
        clip_len (int): Frames that a sequence is resized to. Defaults to 64.
        subset (dict, optional): Keep a part of the split: ``percent``, ``seed`` and
            ``stratified`` of :func:`draw_subset`, or the ``file`` that an earlier run saved
            (``subset.txt`` in its work dir).
        **kwargs: Of mmaction2's ``PoseDataset``, ``num_classes`` among them.

    Raises:
        InputError: If the file is missing, holds anything but data, lacks the split, or its
            joints are not those of ``layout``, or a label does not lie below ``num_classes``.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        split: str | None = None,
        layout: str | dict = 'ntu',
        clip_len: int = 64,
        subset: dict | None = None,
        **kwargs: Any,
    ) -> None:
        self.layout = layout
        self.clip_len = clip_len
        self.subset = subset
        self.subset_names: list[str] | None = None
        super().__init__(ann_file, pipeline=pipeline, split=split, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load the annotations of the split."""
        data = load_annotations(self.ann_file)
        annotations = select_split(data, self.split, self.ann_file)
        if data.get('synthetic'):
            print_log(
                f'{self.ann_file} is SYNTHETIC stand-in data: results say nothing about real data',
                logger='current',
                level=logging.WARNING,
            )
        wanted = get_layout(self.layout)
        layout = get_layout(data.get('layout') or self.layout)
        for sample in annotations:
            if self.num_classes is not None and sample['label'] >= self.num_classes:
                raise InputError(
                    f'{self.ann_file}: {sample["frame_dir"]} is of class {sample["label"]}, but '
                    f'num_classes={self.num_classes}; set num_classes to that of the file, or '
                    'convert fewer classes'
                )
            num_joints = sample['keypoint'].shape[2]
            if layout != wanted or num_joints != layout.num_joints:
                raise InputError(
                    f'{self.ann_file}: {sample["frame_dir"]} has {num_joints} joints of layout '
                    f'{layout.name!r}, but the config says layout={wanted.name!r} '
                    f'({wanted.num_joints} joints); set `layout` to that of the file'
                )
            if data.get('normalized'):  # a fact about the file that each sample must carry
                sample['normalized'] = True
        return self._keep_subset(annotations)

    def _keep_subset(self, annotations: list[dict]) -> list[dict]:
        if self.subset is None:
            return annotations
        names = [sample['frame_dir'] for sample in annotations]
        options = dict(self.subset)
        if 'file' in options:
            self.subset_names = read_subset(options['file'], names)
        else:
            labels = [sample['label'] for sample in annotations]
            try:
                self.subset_names = draw_subset(names, labels, **options)
            except TypeError as error:
                raise InputError(
                    f'subset={options} must hold percent, seed, stratified, or file: {error}'
                ) from None
        kept = set(self.subset_names)
        return [sample for sample in annotations if sample['frame_dir'] in kept]

    def prepare_data(self, idx: int | SampleKey) -> dict:
        """Run the pipeline on one sample.

        Args:
            idx (int | tuple[int, int, int]): Index, or (seed, epoch, index).
        """
        seed, epoch, index = idx if isinstance(idx, tuple) else (0, 0, idx)
        sample = self.get_data_info(index)
        sample['layout'] = self.layout
        sample['clip_len'] = self.clip_len
        sample['rng'] = np.random.default_rng((seed, epoch, index))
        return self.pipeline(sample)

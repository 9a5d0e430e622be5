"""The data set of skeleton sequences from an annotation file."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmaction.datasets import PoseDataset
from mmengine.dataset import force_full_init
from mmengine.logging import print_log

from mmcmd.datasets.annotations.labelled import class_names, keep_labelled
from mmcmd.datasets.annotations.parts import choose_part
from mmcmd.datasets.annotations.store import open_annotations
from mmcmd.datasets.annotations.subsets import draw_per_class, draw_subset, read_subset
from mmcmd.datasets.annotations.twins import leak_warning
from mmcmd.datasets.global_draws import REFUSE, GlobalDrawGuard
from mmcmd.datasets.random_numbers import jump_to_sample
from mmcmd.datasets.samplers import SampleKey
from mmcmd.datasets.transforms.map_layout import MapLayout
from mmcmd.errors import InputError
from mmcmd.registry import DATASETS
from mmcmd.skeletons import LAYOUTS, Layout, get_layout


@DATASETS.register_module()
class SkeletonDataset(PoseDataset):
    """Skeleton sequences of a pyskl-style pickle. Loading never runs code from the pickle.

    The sequences are read one by one from a memory map that all data sets and processes share, see
    :func:`open_annotations`.

    A sample has the entries of the file, and also ``layout``, ``clip_len`` and ``rng``, a random
    generator. With :class:`EpochSampler` as the loader's sampler, the numbers of this generator
    depend only on (seed, epoch, sample). The generator is valid until the next sample is loaded.

    Args:
        ann_file (str): The pickle; ``tools/data/convert.py`` makes it.
        pipeline (Sequence[dict | Callable]): Transforms.
        split (str, optional): Name of a split in the file, such as ``xsub_train``; all
            sequences by default.
        layout (str | dict): Joint layout of the file, see :func:`get_layout`. Defaults to
            ``'ntu'``.
        clip_len (int): Frames that a sequence is resized to. Defaults to 64.
        subset (dict, optional): Keep a part of the split: ``percent``, ``seed`` and
            ``stratified`` of :func:`draw_subset`, or ``per_class`` and ``seed`` of
            :func:`draw_per_class`, or the ``file`` that an earlier run saved (``subset.txt`` in its
            work dir).
        labelled (bool): Leave out the sequences without a label. Evaluations need labels, a
            pre-training does not. Defaults to False.
        hold_out (dict, optional): Arguments of
            :func:`mmcmd.datasets.annotations.parts.choose_part`, which keeps the held-out part of
            the split or the rest. A ``subset`` is drawn from the part that is kept.
        global_draws (str): What to do if a transform draws from a global random generator during
            training, which breaks exact resume: ``'refuse'`` (the default) or ``'warn'``. See
            :class:`GlobalDrawGuard`.
        map_to (str | dict, optional): Joint layout to convert the samples to before the pipeline,
            see :class:`MapLayout`. By default they keep the layout of the file.
        map_joints (dict | str, optional): ``joints`` of :class:`MapLayout`.
        **kwargs: Arguments of mmaction2's ``PoseDataset``, such as ``num_classes``.

    Raises:
        InputError: If the file is missing, contains anything but plain data or lacks the split, if
            its joints are not those of ``layout``, if a label is not below ``num_classes``, or if
            no sequence has a label although ``labelled`` is set.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        split: str | None = None,
        layout: str | dict = 'ntu',
        clip_len: int = 64,
        subset: dict | None = None,
        labelled: bool = False,
        hold_out: dict | None = None,
        global_draws: str = REFUSE,
        map_to: str | dict | None = None,
        map_joints: dict | str | None = None,
        **kwargs: Any,
    ) -> None:
        # The name of a known layout is kept. A file or fields are read here, not for each sample.
        self.layout = layout if layout in list(LAYOUTS) else get_layout(layout)
        self.mapping = None if map_to is None else MapLayout(map_to, map_joints)
        self.clip_len = clip_len
        self.subset = subset
        self.labelled = labelled
        self.hold_out = hold_out
        self.subset_names: list[str] | None = None
        self._guard = GlobalDrawGuard(global_draws)
        self._rng = np.random.Generator(np.random.PCG64(0))
        # The data set holds only row numbers of the store, so it needs no serialisation.
        super().__init__(ann_file, pipeline=pipeline, split=split, serialize_data=False, **kwargs)

    def load_data_list(self) -> np.ndarray:
        """Open the annotations and return the rows of the split."""
        self.annotations = open_annotations(self.ann_file)
        rows = self.annotations.select(self.split)
        # Checkpoints store the class names as `dataset_meta`, and so do published encoders.
        if names := class_names(self.annotations.facts):
            self._metainfo['classes'] = names
        if self.annotations.facts.get('synthetic'):
            self._metainfo['synthetic'] = True
        if self.annotations.facts.get('synthetic'):
            print_log(
                f'{self.ann_file} is SYNTHETIC stand-in data: results say nothing about real data',
                logger='current',
                level=logging.WARNING,
            )
        leak = leak_warning(self.annotations.facts, self.split)
        if leak and self.hold_out is None and self.annotations.is_new(leak):
            print_log(f'{self.ann_file}: {leak}', 'current', logging.WARNING)
        # The part is chosen before unlabelled samples are left out, so that a pre-training and an
        # evaluation have the same parts.
        rows = self._keep_part(rows)
        rows = keep_labelled(self.annotations, rows, self.split) if self.labelled else rows
        self._check_labels(rows)
        self._check_layout(rows)
        return self._keep_subset(rows)

    def _check_labels(self, rows: np.ndarray) -> None:
        labels = self.annotations.labels[rows]
        if self.num_classes is not None and labels.max() >= self.num_classes:
            first = np.argmax(labels >= self.num_classes)
            raise InputError(
                f'{self.ann_file}: {self.annotations.name(rows[first])} is of class '
                f'{labels[first]}, but num_classes={self.num_classes}, and labels count from 0; '
                'set num_classes to that of the file, or convert fewer classes'
            )

    def _check_layout(self, rows: np.ndarray) -> None:
        wanted = get_layout(self.layout)
        layout = get_layout(self.annotations.facts.get('layout') or self.layout)
        if difference := layout.difference(wanted):
            raise InputError(
                f'{self.ann_file} has joints of layout {layout.name!r}, but the config says '
                f'layout={wanted.name!r} ({wanted.num_joints} joints), and the two differ in '
                f'{difference}; set `layout` to that of the file (to train on other joints, add '
                'map_to=LAYOUT)'
            )
        num_joints = self.annotations.num_joints[rows]
        wrong = num_joints != layout.num_joints
        if wrong.any():
            first = np.argmax(wrong)
            raise InputError(
                f'{self.ann_file}: {self.annotations.name(rows[first])} has {num_joints[first]} '
                f'joints, but the config says layout={wanted.name!r} ({wanted.num_joints} joints); '
                'set `layout` to that of the file'
            )
        if self.mapping is not None:
            self._check_mapping(layout)

    def _check_mapping(self, layout: Layout) -> None:
        if self.annotations.facts.get('normalized'):
            raise InputError(
                f'{self.ann_file} is pre-normalised, and map_to needs raw coordinates; convert it '
                'without --normalize'
            )
        try:
            self.mapping.map_from(layout)
        except InputError as error:
            raise InputError(f'{self.ann_file}: {error}') from None

    def _keep_part(self, rows: np.ndarray) -> np.ndarray:
        if self.hold_out is None:
            return rows
        try:
            return choose_part(self.annotations, rows, **self.hold_out)
        except TypeError as error:
            raise InputError(
                f'hold_out={self.hold_out} must hold keep, fold or values, by, folds: {error}'
            ) from None

    def _keep_subset(self, rows: np.ndarray) -> np.ndarray:
        if self.subset is None:
            return rows
        names = [self.annotations.name(row) for row in rows]
        options = dict(self.subset)
        if 'file' in options:
            self.subset_names = read_subset(options['file'], names)
        else:
            labels = self.annotations.labels[rows].tolist()
            draw = draw_per_class if 'per_class' in options else draw_subset
            try:
                self.subset_names = draw(names, labels, **options)
            except TypeError as error:
                raise InputError(
                    f'subset={options} must hold percent, seed, stratified, or per_class, seed, or '
                    f'file: {error}'
                ) from None
        kept = set(self.subset_names)
        return rows[[name in kept for name in names]]

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return one annotation. The caller owns its arrays."""
        sample = self.annotations[self.data_list[idx]]
        if self.annotations.facts.get('normalized'):  # the transforms read this from the sample
            sample['normalized'] = True
        sample['sample_idx'] = idx % len(self)
        sample['modality'], sample['start_index'] = self.modality, self.start_index
        return sample

    def prepare_data(self, idx: int | SampleKey) -> dict:
        """Run the pipeline on one sample.

        Args:
            idx (int | tuple[int, int, int]): Index, or (seed, epoch, index).

        Raises:
            InputError: If a transform draws from a global random generator, see ``global_draws``.
        """
        if self._guard.samples_left and isinstance(idx, tuple):  # only a training has such keys
            return self._guard.watch(lambda: self._prepare(idx))
        return self._prepare(idx)

    def _prepare(self, idx: int | SampleKey) -> dict:
        seed, epoch, index = idx if isinstance(idx, tuple) else (0, 0, idx)
        sample = self.get_data_info(index)
        sample['layout'] = self.layout
        if self.mapping is not None:
            sample = self.mapping(sample)
        sample['clip_len'] = self.clip_len
        jump_to_sample(self._rng, seed, epoch, index)
        sample['rng'] = self._rng
        return self.pipeline(sample)

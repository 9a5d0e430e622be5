"""Check the pickles of pyskl and mmaction2, and add what is missing in them."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.reading import check_annotations
from mmcmd.datasets.converters.base import Converter, Item
from mmcmd.datasets.converters.confidence import ThirdNumber, looks_like_confidence
from mmcmd.datasets.converters.ntu import SampleName
from mmcmd.datasets.converters.options import read_layout
from mmcmd.errors import InputError
from mmcmd.io.safe_pickle import load_plain
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import COCO, NTU, get_layout


@CONVERTERS.register_module('pyskl')
class PysklConverter(Converter):
    """Pickles of pyskl and mmaction2, such as ``ntu60_3danno.pkl``.

    Such a file, a dict of ``split`` and ``annotations``, can also be used without a conversion. The
    conversion adds the joint layout, leaves out malformed samples and reports them, and adds
    subject, camera and setup to samples with names of NTU RGB+D. Coordinates, their dtype and all
    other fields of a sample are kept.

    Args:
        layout (str or PathLike, optional): Name of a joint layout, or a JSON file of its fields.
            Defaults to the layout in the file. Without one, it is ``coco`` for 17 joints in an
            image, and ``ntu`` for anything else.
        dimensions (int, optional): See :class:`ThirdNumber`.
        confidence (float, optional): See :class:`ThirdNumber`.
    """

    counted = ('label', 'subject', 'camera', 'setup')

    def __init__(
        self,
        layout: str | os.PathLike | None = None,
        dimensions: int | None = None,
        confidence: float | None = None,
    ) -> None:
        self.layout = read_layout(layout) if layout else None
        self.third = ThirdNumber(dimensions, confidence)
        self._rest: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the attributes that only the main process needs."""
        return {'layout': self.layout, 'third': self.third}

    def facts(self) -> dict[str, Any]:
        """Keep the entries of the file besides samples and splits."""
        return {**self._rest, **super().facts()}

    def scan(self, source: Path) -> list[Item]:
        """Load the file. This never runs code from it."""
        if source.is_dir():
            raise InputError(f'{source} is a folder, expected a pickle')
        try:
            with source.open('rb') as file:
                data = load_plain(file)
        except Exception as error:  # a damaged pickle may cause an error of any type
            reason = ' '.join(str(error).split()) or type(error).__name__
            raise InputError(f'{source} is not a pickle that can be loaded: {reason}') from None
        if isinstance(data, list):
            data = {'annotations': data}
        samples = data.pop('annotations', None) if isinstance(data, dict) else None
        if not isinstance(samples, list):
            raise InputError(f'{source}: expected a dict with a list `annotations`, or such a list')
        if self.layout is None:
            self.layout = data.get('layout')
        if self.layout is None:
            self.layout = _guess(samples)
        self._rest = {'split': {}} | data | {'layout': self.layout}
        check_annotations(self._rest | {'annotations': []}, source)
        self._splits = self._rest.pop('split')
        return [Item(_name(source, index, sample), sample) for index, sample in enumerate(samples)]

    def read(self, item: Item) -> dict[str, Any]:
        """Check one sample."""
        data = dict(split={}, annotations=[item.content], layout=self.layout)
        check_annotations(data, item.name)
        sample = item.content
        turned = get_layout(self.layout).spine is not None
        keypoint, scores = self.third.take(sample['keypoint'], turned, item.name)
        if scores is not None:
            sample = sample | {'keypoint': keypoint, 'keypoint_score': scores}
        name = SampleName.parse(sample['frame_dir'])
        return {**(name._asdict() if name else {}), **sample}

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Keep the splits of the file, without the samples that could not be read."""
        known = {sample['frame_dir'] for sample in annotations}
        return {
            name: [sample for sample in names if sample in known]
            for name, names in self._splits.items()
        }


def _guess(samples: list[Any]) -> str:
    """Guess the layout from the first array of joints."""
    arrays = (sample.get('keypoint') for sample in samples if isinstance(sample, dict))
    first = next((x for x in arrays if isinstance(x, np.ndarray)), np.zeros(()))
    in_image = first.shape[3:] == (2,) or looks_like_confidence(first)
    return COCO.name if first.shape[2:3] == (COCO.num_joints,) and in_image else NTU.name


def _name(source: Path, index: int, sample: Any) -> str:
    named = sample.get('frame_dir') if isinstance(sample, dict) else None
    return f'{source}[{index}]' + (f' {named}' if isinstance(named, str) else '')

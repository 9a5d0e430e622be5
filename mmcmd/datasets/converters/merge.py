"""Several annotation pickles made into one, to pre-train on all of them at once."""

import os
from pathlib import Path
from typing import Any

from mmcmd.datasets.annotations.labelled import class_names, name_label
from mmcmd.datasets.annotations.reading import UNLABELLED, load_annotations
from mmcmd.datasets.annotations.splitting import ALL, pairs_of
from mmcmd.datasets.converters.base import Converter, Item, find_files
from mmcmd.datasets.converters.options import read_layout
from mmcmd.datasets.transforms.map_layout import MapLayout
from mmcmd.errors import InputError
from mmcmd.registry import CONVERTERS
from mmcmd.skeletons import get_layout


@CONVERTERS.register_module('merge')
class MergeConverter(Converter):
    """Pickles in one folder, made into one with the same joints.

    A sequence of ``FILE.pkl`` is called ``FILE_NAME``, and its new field ``dataset`` is ``FILE``.
    Classes of different files stay different classes, even if they have the same name. The splits
    of a file get its name: ``xsub_train`` becomes ``FILE_xsub_train``. The splits ``all_train`` and
    ``all_val`` hold one pair of splits of each file.

    Args:
        layout (str or PathLike): Layout of all sequences; joints are mapped by
            :class:`mmcmd.datasets.transforms.MapLayout`.
        split (str, optional): Pair of splits that ``all_train`` and ``all_val`` take from a file,
            if the file has several pairs. Its only pair is taken in any case.
        map_joints (str, optional): ``'nearest'`` lets the nearest joint stand in for a joint that a
            file lacks.
    """

    counted = ('dataset', 'label')
    merges = True

    def __init__(
        self,
        layout: str | os.PathLike | None = None,
        split: str | None = None,
        map_joints: str | None = None,
    ) -> None:
        if layout is None:
            raise InputError(
                'format merge needs --layout: the joints that all sequences shall have'
            )
        self.layout = read_layout(layout)
        self.split = split
        self.map_joints = map_joints
        self.mapping = MapLayout(self.layout, map_joints)
        self._splits: dict[str, list[str]] = {}
        self._classes: list[str] = []
        self._synthetic = False

    def facts(self) -> dict[str, Any]:
        """Add the names of all classes, with the names of their files."""
        return {
            **super().facts(),
            **({'classes': self._classes} if self._classes else {}),
            **({'synthetic': True} if self._synthetic else {}),
        }

    def scan(self, source: Path) -> list[Item]:
        """Read all pickles.

        Raises:
            InputError: If there are not at least two, one is pre-normalised, the joints of one
                cannot be mapped, or the pair of splits of one is not clear.
        """
        paths = find_files(source, '.pkl')
        if len(paths) < 2:
            raise InputError(f'{source} holds one pickle, and format merge needs at least two')
        if len({path.stem for path in paths}) < len(paths):
            raise InputError(f'{source}: two pickles in its subfolders have the same name')
        pairs = {'train': [], 'val': []}
        items: list[Item] = []
        for path in paths:
            data = load_annotations(path)
            items += self._items(path, data)
            splits = {
                name: [f'{path.stem}_{x}' for x in names] for name, names in data['split'].items()
            }
            self._splits |= {f'{path.stem}_{name}': names for name, names in splits.items()}
            pair = self._pair(path, splits)
            for half, names in pairs.items():
                names += splits[f'{pair}_{half}']
        self._splits |= {f'{ALL}_{half}': names for half, names in pairs.items()}
        return items

    def read(self, item: Item) -> dict[str, Any]:
        """Map the joints of one sequence."""
        sample = dict(item.content)
        if sample['layout'] != self.layout:
            sample = self.mapping.transform(sample)
        del sample['layout']
        return sample

    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Keep the splits of all files, less the sequences that could not be mapped."""
        known = {sample['frame_dir'] for sample in annotations}
        return {name: [x for x in names if x in known] for name, names in self._splits.items()}

    def _items(self, path: Path, data: dict[str, Any]) -> list[Item]:
        layout = data.get('layout')
        if layout is None:
            raise InputError(f'{path} does not say its layout; convert it again')
        if data.get('normalized'):
            raise InputError(
                f'{path} is pre-normalised, and format merge needs raw coordinates; convert it '
                'without --normalize'
            )
        try:
            self.mapping.map_from(get_layout(layout))
        except InputError as error:
            remedy = '' if self.map_joints else '; here: --map-joints nearest'
            raise InputError(f'{path}: {error}{remedy}') from None
        self._synthetic |= bool(data.get('synthetic'))
        first = len(self._classes)
        labels = [sample['label'] for sample in data['annotations']]
        names = class_names(data)
        count = max([*labels, len(names) - 1]) + 1
        self._classes += [f'{path.stem}: {name_label(x, names)}' for x in range(count)]
        return [
            Item(
                f'{path} {sample["frame_dir"]}',
                {
                    **sample,
                    'frame_dir': f'{path.stem}_{sample["frame_dir"]}',
                    'label': label if label == UNLABELLED else first + label,
                    'dataset': path.stem,
                    'layout': layout,
                },
            )
            for sample, label in zip(data['annotations'], labels, strict=True)
        ]

    def _pair(self, path: Path, splits: dict[str, list[str]]) -> str:
        """Return the name of the pair of splits that a file gives to ``all_train`` and so on."""
        pairs = pairs_of(splits)
        if self.split in pairs:
            return self.split
        if len(pairs) != 1:
            found = ', '.join(pairs) or 'none'
            raise InputError(
                f'{path}: pairs of splits NAME_train and NAME_val are {found}, and format merge '
                'needs one; name it with --split NAME'
            )
        return pairs[0]

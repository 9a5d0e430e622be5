"""Read your own data with any joints from a folder of ``.npy`` files."""

from pathlib import Path
from typing import Any

import numpy as np

from mmcmd.datasets.converters.archives import map_array
from mmcmd.datasets.converters.base import Item, find_files
from mmcmd.datasets.converters.own import JointsConverter
from mmcmd.registry import CONVERTERS


@CONVERTERS.register_module('npy')
class NpyConverter(JointsConverter):
    """Your own data with any joints, as a folder of arrays.

    Each file ``NAME.npy`` is a sequence ``(T, V, C)``, or ``(M, T, V, C)`` with several persons. C
    is 3 (metres, or x, y and a confidence in an image) or 2 (an image). ``labels.csv`` in the
    folder, or the table given as ``labels``, has the column ``name``, and perhaps ``label``
    (numbers or names), ``split`` and ``subject``. If no table gives labels, the label of a file
    in a subfolder is the name of its folder.
    """

    def scan(self, source: Path) -> list[Item]:
        """List the files, and read the table."""
        return self.label_files(source, find_files(source, '.npy'))

    def read(self, item: Item) -> dict[str, Any]:
        """Read one file."""
        path, said = item.content
        array = np.array(map_array(path, 'fiu'))
        fits = array.ndim in (3, 4) and array.shape[-2] == self.num_joints
        if not fits or array.shape[-1] not in (2, 3):
            swapped = (
                array.ndim in (3, 4)
                and array.shape[-2] != self.num_joints
                and self.num_joints in array.shape
                and {2, 3} & set(array.shape)
            )
            raise ValueError(
                f'{path}: expected numbers (T, {self.num_joints}, 3 or 2), or with persons '
                f'(M, T, {self.num_joints}, 3 or 2), got {array.shape}'
                + ('; if the axes are swapped, bring them into this order' if swapped else '')
            )
        keypoint = array[:, None] if array.ndim == 3 else array.swapaxes(0, 1)
        return self.annotation(Item(item.name, said), keypoint)

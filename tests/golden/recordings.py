"""Read recordings of the authors' code: arrays, settings and states of any size."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.io.authors import authors_tensors, rename_authors_state
from mmcmd.io.checkpoint import load_plain
from tests.golden.precision import PRECISIONS, Precision

ENDINGS = '_train', '_tune', '_transforms', '_eval', '_pipeline', '_masks'


class Settings(dict):
    """Settings of a recording. A missing setting raises an error with one sentence."""

    def __missing__(self, name: str) -> Any:
        raise InputError(f'the config of the recording does not say {name!r}; record it again')


class Recording:
    """One file of arrays, and the states in files beside it.

    Args:
        path (Path): The ``.npz`` file.
        precision (Precision, optional): Number format and device of our code. Defaults to float64
            on a CPU.
    """

    def __init__(self, path: Path, precision: Precision = PRECISIONS['float64']) -> None:
        self.path = path
        self.precision = precision
        self.name = recording_name(path)

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name."""
        try:
            with np.load(self.path) as file:
                return dict(file)
        except Exception as error:  # a damaged file may cause an error of any type
            raise InputError(
                f'{self.path} is no readable file of arrays ({error}); record it again'
            ) from None

    def __getitem__(self, name: str) -> np.ndarray:
        """Return an array.

        Raises:
            InputError: If the recording has no such array.
        """
        if name not in self.arrays:
            raise InputError(f'{self.path} has no array {name!r}; record it again')
        return self.arrays[name]

    def below(self, prefix: str) -> dict[str, np.ndarray]:
        """Return the arrays with a prefix in their names, by the rest of the name."""
        return {x.removeprefix(prefix): y for x, y in self.arrays.items() if x.startswith(prefix)}

    @cached_property
    def config(self) -> dict[str, Any]:
        """Settings of the recording; empty if the file has none."""
        text = str(self.arrays['config']) if 'config' in self.arrays else '{}'
        return Settings(json.loads(text))

    @property
    def stream(self) -> str:
        """The stream of a training of one stream."""
        return next(iter(self.below('feat/')), 'joint')

    def views(self, step: int) -> Tensor:
        """Return the views of a step, (N, view, M, T, V, C)."""
        # recorded as (view, N, C, T, V, M)
        array = 'views' if 'views' in self.arrays else 'steps'
        return self.tensor(self[array][step].transpose(1, 0, 5, 3, 4, 2))

    def tensor(self, array: np.ndarray) -> Tensor:
        """Return an array as a tensor of the number format, on the device."""
        return self.placed(torch.from_numpy(np.ascontiguousarray(array)))

    def placed(self, values: Any) -> Any:
        """Convert a tensor or a module to the number format, on the device."""
        return values.to(self.precision.device, self.precision.dtype)

    def state(self, moment: str, method: str, stream: str = 'joint') -> dict[str, Tensor]:
        """Return the state at ``'init'`` or ``'final'`` under our names.

        It is in the file itself, or in a checkpoint of the authors' code beside the file.
        """
        if inside := self.below(f'{moment}/'):
            theirs = {name: torch.from_numpy(x) for name, x in inside.items()}
        else:
            file = self.path.with_name(f'{self.name}_{moment}.pth.tar')
            if not file.is_file():
                raise InputError(f'{self.path} needs {file.name} beside it; record it again')
            theirs = load_plain(str(file), map_location='cpu')
            theirs = authors_tensors(method, theirs, file.name)
        return rename_authors_state(method, theirs, stream, f'{self.name} ({moment})')


def recording_name(path: Path) -> str:
    """Return the name of a recording: the file name without suffix and without ``_train`` etc."""
    for ending in ENDINGS:
        if path.stem.endswith(ending):
            return path.stem.removesuffix(ending)
    return path.stem


def find(folder: Path) -> list[Path]:
    """List the recordings in a folder.

    Raises:
        InputError: If there are none.
    """
    found = sorted(folder.glob('*.npz')) if folder.is_dir() else []
    if not found:
        raise InputError(f'{folder} holds no recordings (.npz); give a folder that holds some')
    return found

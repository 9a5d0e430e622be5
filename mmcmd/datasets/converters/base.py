"""What a raw format has to say about itself."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from mmcmd.datasets.annotations.splitting import halves
from mmcmd.errors import InputError


class Item(NamedTuple):
    """One sample to be: its name for messages, and whatever :meth:`Converter.read` needs."""

    name: str
    content: Any


class LeftOut(ValueError):
    """Says why an item is left out on purpose: reported, but no failure even under ``strict``."""


def find_files(source: Path, kind: str, remedy: str = '') -> list[Path]:
    """List the files of one kind in a folder and its subfolders, sorted.

    Args:
        source (Path): The folder.
        kind (str): End of their names, such as ``.json`` or ``*_skeleton.mat``. Messages name it
            like this.
        remedy (str): Goes on the message that there is none.

    Raises:
        InputError: If the source is a file, or has no such file.
    """
    if not source.is_dir():
        raise InputError(f'{source} is a file, expected a folder of {kind} files')
    pattern = f'*{kind.removeprefix("*")}'
    paths = sorted(path for path in source.rglob(pattern) if path.is_file())
    if not paths:
        raise InputError(f'there is no {kind} file in {source}{remedy}')
    return paths


class Converter(ABC):
    """A raw format. Subclasses register in :data:`CONVERTERS` under the name used to call them.

    Attributes:
        layout (str or dict): Key of :data:`mmcmd.skeletons.LAYOUTS`, or the fields of a
            layout; known at the latest after :meth:`scan`.
        counted (tuple[str, ...]): Keys of an annotation whose values the report counts, where
            there are any.
        writes_layout (bool): Whether a layout that has no name is also written as JSON, beside the
            pickle.
    """

    layout: str | dict[str, Any]
    counted: ClassVar[tuple[str, ...]] = ('label',)
    writes_layout: ClassVar[bool] = False

    @abstractmethod
    def scan(self, source: Path) -> list[Item]:
        """List the items of an existing source, cheaply and in a fixed order.

        Raises:
            InputError: If the source as a whole is not of this format; names it.
        """

    @abstractmethod
    def read(self, item: Item) -> dict[str, Any]:
        """Make an annotation of an item, in a worker process.

        Returns:
            dict: See :func:`mmcmd.datasets.annotations.reading.load_annotations`.

        Raises:
            ValueError: If it cannot be; names the item and what was expected.
            LeftOut: If it is not wanted.
        """

    @abstractmethod
    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Name the samples of each split, all splits of the data set at once."""

    def facts(self) -> dict[str, Any]:
        """Return what holds for all samples: the top level of the pickle, beside its splits.

        Called after :meth:`scan` and before :meth:`read`. See
        :func:`mmcmd.datasets.annotations.reading.load_annotations`.
        """
        return {'layout': self.layout}

    halves = staticmethod(halves)

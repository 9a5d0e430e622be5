"""Base class of the converters: what the class of a raw format must define."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from mmcmd.datasets.annotations.splitting import halves
from mmcmd.errors import InputError


class Item(NamedTuple):
    """A sample that is not read yet: its name for messages, and the input of ``Converter.read``."""

    name: str
    content: Any


class LeftOut(ValueError):
    """An item is left out on purpose. The report gives the reason; ``strict`` does not fail."""


def find_files(source: Path, kind: str, remedy: str = '') -> list[Path]:
    """List the files of one kind in a folder and its subfolders, sorted.

    Args:
        source (Path): The folder.
        kind (str): Ending, such as ``.json`` or ``*.json``, which may also have upper case in a
            name, or a pattern, such as ``*_skeleton.mat``. Messages contain it in this form.
        remedy (str): Text that is added to the message if there is no such file.

    Raises:
        InputError: If the source is a file, or contains no such file.
    """
    if not source.is_dir():
        raise InputError(f'{source} is a file, expected a folder of {kind} files')
    ending = kind.removeprefix('*')
    if ending.startswith('.'):
        paths = [path for path in source.rglob('*') if path.suffix.lower() == ending]
    else:
        paths = list(source.rglob(kind))
    paths = sorted(path for path in paths if path.is_file())
    if not paths:
        raise InputError(f'there is no {kind} file in {source}{remedy}')
    return paths


class Converter(ABC):
    """A raw format. Subclasses register in :data:`CONVERTERS` under the name of the format.

    Attributes:
        layout (str or dict): Key of :data:`mmcmd.skeletons.LAYOUTS`, or the fields of a
            layout. It must be set when :meth:`scan` returns.
        counted (tuple[str, ...]): Keys of an annotation. The report counts the samples of each of
            their values.
        writes_layout (bool): Whether a layout that is not in :data:`LAYOUTS` is also written as a
            JSON file beside the pickle.
        merges (bool): Whether all pickles of a folder are read, so that the result must not lie
            in it.
    """

    layout: str | dict[str, Any]
    counted: ClassVar[tuple[str, ...]] = ('label',)
    writes_layout: ClassVar[bool] = False
    merges: ClassVar[bool] = False

    @abstractmethod
    def scan(self, source: Path) -> list[Item]:
        """List the items of an existing source in a fixed order. This should be fast.

        Raises:
            InputError: If the source does not have this format; the message names the source.
        """

    @abstractmethod
    def read(self, item: Item) -> dict[str, Any]:
        """Read an item and return its annotation. A worker process may call this.

        Returns:
            dict: See :func:`mmcmd.datasets.annotations.reading.load_annotations`.

        Raises:
            ValueError: If the item cannot be read; the message names the item and says what was
                expected.
            LeftOut: If the item is left out on purpose.
        """

    @abstractmethod
    def splits(self, annotations: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Return the names of the samples of each split."""

    def facts(self) -> dict[str, Any]:
        """Return entries for the top level of the pickle that describe all samples.

        This is called after :meth:`scan` and before :meth:`read`. See
        :func:`mmcmd.datasets.annotations.reading.load_annotations`.
        """
        return {'layout': self.layout}

    halves = staticmethod(halves)

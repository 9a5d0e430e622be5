"""A finding is one fault of an annotation file."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple


class Finding(NamedTuple):
    """A fault of an annotation file, and its remedy.

    Attributes:
        message (str): What was found, with numbers and the name of a sample.
        remedy (str): How to repair it; empty if no remedy is known.
    """

    message: str
    remedy: str = ''

    def __str__(self) -> str:
        return f'{self.message}. {self.remedy}' if self.remedy else self.message


def share(count: int, total: int) -> str:
    """Return a number and its percentage as text: ``12 of 430 (2.8 %)``."""
    return f'{count:,} of {total:,} ({100 * count / max(total, 1):.1f} %)'


def some(values: Iterable[object], few: int = 10) -> str:
    """Return the first few values as text. The other values are not read."""
    words = [str(value) for value in islice(values, few + 1)]
    return ', '.join([*words[:few], '...'] if len(words) > few else words)

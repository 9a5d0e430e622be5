"""The error for mistakes of a user, and what helps to write its message."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class InputError(ValueError):
    """A user's file, option or config value is wrong.

    The message is one sentence that names the file or value, and says what to do. The command
    line tools print it without a traceback.
    """


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return a hint for a message, such as `` (did you mean 'coco'?)``; '' if no name is close.

    Args:
        name (object): The name that the user wrote.
        known (Iterable[str]): The names that exist.
    """
    text, small = str(name).lower(), {x.lower(): x for x in known}
    close = get_close_matches(text, small, n=1) or [x for x in small if text and x.startswith(text)]
    return f' (did you mean {small[close[0]]!r}?)' if close else ''


def not_a_file(path: str | os.PathLike, what: str) -> str:
    """Return a message that a file does not exist, or that its path is a folder.

    Args:
        path (str or PathLike): The path that the user wrote.
        what (str): Kind of file, such as ``'checkpoint'``.
    """
    if os.path.isdir(path):
        return f'{what} {path} is a folder, expected a file'
    return f'{what} {path} does not exist'


@contextmanager
def config_faults() -> Iterator[None]:
    """Say in one sentence that a config names a class or an argument that does not exist.

    Raises:
        InputError: In the place of ``KeyError`` and ``TypeError``.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        raise InputError(f'the config cannot be built: {error}') from error

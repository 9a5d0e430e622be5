import os
from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """A user's file, option or config value is wrong.

    The message is one sentence that names the file or value and the remedy; the command line
    tools print it without a traceback.
    """


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return words for a message, such as `` (did you mean 'coco'?)``; '' if nothing is close.

    Args:
        name (object): What the user wrote.
        known (Iterable[str]): Names that there are.
    """
    text, small = str(name).lower(), {x.lower(): x for x in known}
    close = get_close_matches(text, small, n=1) or [x for x in small if text and x.startswith(text)]
    return f' (did you mean {small[close[0]]!r}?)' if close else ''


def not_a_file(path: str | os.PathLike, what: str) -> str:
    """Say that there is no such file, or that it is a folder.

    Args:
        path (str or PathLike): What the user wrote.
        what (str): What the file is, such as ``'checkpoint'``.
    """
    if os.path.isdir(path):
        return f'{what} {path} is a folder, expected a file'
    return f'{what} {path} does not exist'

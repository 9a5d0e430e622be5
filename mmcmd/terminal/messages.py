"""Messages without time stamps, and texts that fit into the terminal.

The module imports no framework.
"""

import logging
import os
import sys
import textwrap
from contextlib import suppress

from mmengine.logging import MMLogger
from mmengine.logging.logger import FilterDuplicateWarning
from rich.console import Console
from rich.text import Text

NOTICE = 25
"""Level of a message that the terminal shows although it is no warning; above ``INFO``."""
_DEPRECATED = 'will be deprecated in future'
"""Part of the warnings of mmengine about its own calls, which a user cannot change."""

_TEXT_WIDTH = 80
_FILE_WIDTH = 160
"""Width for a file or a pipe, where a table should keep each name in one line."""

logging.addLevelName(NOTICE, 'NOTICE')


class _LastingConsole(Console):
    """A console that is silent once nobody reads it; a training goes on without its reader."""

    def on_broken_pipe(self) -> None:
        """Write no more, also not at the end of the program. rich would end the program."""
        self.quiet = True
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError:  # the terminal is closed, or the disk of the file is full
            self.on_broken_pipe()


def get_console(stderr: bool = False) -> Console:
    """Return a console. Colours, width and live lines follow the terminal, and ``NO_COLOR``.

    Without a terminal, ``COLUMNS`` is the width. Its default is then 160.

    Args:
        stderr (bool): Print on standard error. Defaults to False.
    """
    console = _LastingConsole(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not (console.is_terminal or console.is_jupyter or os.environ.get('COLUMNS')):
        console.width = _FILE_WIDTH
    return console


def say(
    console: Console, text: str, indent: str = '  ', style: str = '', wrap: bool = True
) -> None:
    """Print a text in lines of 80 columns, or less in a narrow terminal. A long word stays whole.

    Args:
        console (Console): Where to.
        text (str): One or more lines.
        indent (str): What the second line and all further ones begin with. Defaults to two spaces.
        style (str): Style of rich. Defaults to none.
        wrap (bool): False prints long lines as they are, for a name and a path. Defaults to True.
    """
    for line in text.splitlines():
        if not wrap:
            console.print(Text(line, style), soft_wrap=True)
            continue
        wrapped = textwrap.wrap(
            line,
            min(console.width, _TEXT_WIDTH),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part in wrapped or ['']:
            console.print(Text(part, style), soft_wrap=True)


class PlainHandler(logging.Handler):
    """Print log messages as plain text: no time, no name of a logger, lines of limited width.

    Args:
        level (int): Lowest level that is printed.
        console (Console, optional): Defaults to standard output. If it, or any other console, shows
            a live line, messages appear above this line.
    """

    def __init__(self, level: int, console: Console | None = None) -> None:
        super().__init__(level)
        self._console = console
        self.addFilter(FilterDuplicateWarning())
        self.addFilter(lambda record: _DEPRECATED not in record.getMessage())

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        try:
            if self._console is not None:
                _print(self._console, record)
                return
            console = get_console()
            with console.capture() as printed:
                _print(console, record)
            if sys.stdout is None:  # closed by whoever started the program
                return
            # A live line of another console replaces sys.stdout, and rich writes past that.
            sys.stdout.write(printed.get())
            sys.stdout.flush()
        except BrokenPipeError:
            pass  # nobody reads the messages any more
        except Exception:
            self.handleError(record)


def _print(console: Console, record: logging.LogRecord) -> None:
    text = record.getMessage()
    if record.levelno >= logging.ERROR:
        # One line, so that programs find it: the driver of several runs quotes it.
        say(console, f'error: {text}', style='red', wrap=False)
    elif record.levelno >= logging.WARNING:
        say(console, f'warning: {text}', style='yellow')
    else:
        say(console, text)


def use_plain_messages(
    logger: MMLogger, level: int = NOTICE, console: Console | None = None
) -> None:
    """Let a logger print plain messages, where mmengine prints time, name and level before each.

    The log file stays as it is.

    Args:
        logger (MMLogger): The logger.
        level (int): Lowest level that is printed. Defaults to :data:`NOTICE`. Ranks other than the
            first print errors only.
        console (Console, optional): Where to. Defaults to standard output.
    """
    for handler in list(logger.handlers):
        if type(handler) is logging.StreamHandler:
            # mmengine has raised the level of the other ranks to ERROR.
            plain = PlainHandler(max(level, handler.level), console)
            logger.handlers[logger.handlers.index(handler)] = plain

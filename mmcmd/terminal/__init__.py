"""Output on the terminal: messages, one line of progress, and tables."""

from .accuracy_table import accuracy_table
from .messages import NOTICE, PlainHandler, get_console, say, use_plain_messages
from .progress_line import ProgressLine

__all__ = [
    'NOTICE',
    'PlainHandler',
    'ProgressLine',
    'accuracy_table',
    'get_console',
    'say',
    'use_plain_messages',
]

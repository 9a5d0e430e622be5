import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .messages import say

REFRESH = 0.2
"""Seconds between two changes of the live line."""
SECONDS = 20.0
"""Least seconds between two plain lines."""
SHARE = 0.01
"""Least share of the work between two plain lines, so that a long run has at most 100 of them."""


class ProgressLine:
    """One line that shows how far a run is.

    On a terminal the line changes in place, and messages appear above it. Elsewhere, for example in
    a file, a plain line is printed now and then: after :data:`SECONDS` and :data:`SHARE` of the
    work.

    No thread draws the line. A thread could hold a lock of the console at the moment when a worker
    of a data loader is forked, and the worker would wait for this lock forever.

    Args:
        console (Console): Where to.
        clock (Callable): Returns seconds. Defaults to ``time.monotonic``.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        # FORCE_COLOR makes rich take a file for a terminal.
        self._is_live = console.is_interactive and console.file.isatty()
        self._bars: Progress | None = None
        self._shown: float | None = None
        self._share = 0.0

    def show(self, title: str, share: float, facts: Callable[[], str]) -> None:
        """Show how far the run is, unless the line was changed a moment ago.

        Args:
            title (str): What is done, for example ``'epoch 3/18'``.
            share (float): Share of the work that is done, in [0, 1].
            facts (Callable): Returns further text. It is called only if the line is shown.
        """
        now = self._clock()
        if self._shown is None and not self._is_live:
            self._shown = now
        if self._shown is not None and not self._is_due(now, share):
            return
        text = facts()
        if self._is_live:
            self._draw(title, share, text)
        else:
            say(self._console, f'{title}  {share:4.0%}  {text}')
        self._shown, self._share = now, share

    def clear(self) -> None:
        """Remove the live line. A later call of :meth:`show` starts a new one."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _is_due(self, now: float, share: float) -> bool:
        if self._is_live:
            return now - self._shown >= REFRESH
        # The share falls when an evaluation begins, which counts from 0 again.
        return now - self._shown >= SECONDS and abs(share - self._share) >= SHARE

    def _draw(self, title: str, share: float, text: str) -> None:
        if self._bars is None:
            columns = (
                TextColumn('{task.description}'),
                BarColumn(None),
                TextColumn('{task.fields[facts]}'),
            )
            self._bars = Progress(
                *columns, console=self._console, auto_refresh=False, transient=True, expand=True
            )
            self._bars.add_task(title, total=1.0, facts=text)
            self._bars.start()
        task = self._bars.tasks[0].id
        self._bars.update(task, description=title, completed=share, facts=text, refresh=True)

import io

import pytest
from rich.console import Console

from mmcmd.terminal import ProgressLine
from mmcmd.terminal.progress_line import SECONDS


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Screen(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def plain(clock):
    """Return a line that is written to a file, and the file."""
    file = io.StringIO()
    return ProgressLine(Console(file=file, width=80), clock), file


@pytest.fixture
def live(clock):
    """Return a line on a terminal of 80 columns, its console, and all that is written."""
    screen = Screen()
    console = Console(file=screen, width=80, force_terminal=True, color_system=None)
    return ProgressLine(console, clock), console, screen


def advance(line, clock, steps, seconds):
    for step in range(1, steps + 1):
        clock.now += seconds
        line.show('epoch 1/1', step / steps, lambda: 'loss 5.1')


def test_a_file_gets_a_line_now_and_then(plain, clock):
    line, file = plain
    advance(line, clock, steps=50, seconds=1)
    first, second = file.getvalue().splitlines()
    assert first == 'epoch 1/1   42%  loss 5.1', f'after {SECONDS} seconds from the first step'
    assert second == 'epoch 1/1   82%  loss 5.1'


def test_a_run_of_days_has_at_most_a_hundred_lines(plain, clock):
    line, file = plain
    advance(line, clock, steps=5000, seconds=60)
    assert 90 <= len(file.getvalue().splitlines()) <= 100


def test_numbers_are_not_read_when_no_line_is_due(plain, clock):
    line, _ = plain
    line.show('epoch 1/1', 0.1, lambda: pytest.fail('the line is not due'))
    clock.now += SECONDS / 2
    line.show('epoch 1/1', 0.2, lambda: pytest.fail('the line is not due'))


def test_a_terminal_has_one_line_that_changes_in_place(live, clock):
    line, _, screen = live
    advance(line, clock, steps=10, seconds=1)
    line.clear()
    assert 'epoch 1/1' in screen.getvalue()
    assert screen.getvalue().count('\n') <= 1, 'the cursor never goes on to further lines'
    assert screen.getvalue().endswith('\x1b[1A\x1b[2K'), 'the line is removed'


def test_a_message_stands_on_a_line_of_its_own(live, clock):
    line, console, screen = live
    advance(line, clock, steps=3, seconds=1)
    console.print('warning: the queue is long')
    line.clear()
    before, _, after = screen.getvalue().partition('warning: the queue is long')
    assert before.endswith('\x1b[2K'), 'the live line is removed first'
    assert after.startswith('\n')


def test_colours_that_are_forced_on_a_file_do_not_make_it_live(monkeypatch, clock):
    monkeypatch.setenv('FORCE_COLOR', '1')
    file = io.StringIO()
    line = ProgressLine(Console(file=file, width=80), clock)
    advance(line, clock, steps=50, seconds=1)
    assert file.getvalue().count('\n') == 2

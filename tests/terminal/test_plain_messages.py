import io
import logging
import sys

import pytest
from mmengine.logging import MMLogger, print_log
from rich.console import Console
from rich.progress import Progress

from mmcmd.terminal import NOTICE, get_console, say, use_plain_messages


@pytest.fixture
def logger(tmp_path):
    """Return a logger with a log file, what it has printed, and its log file."""
    logger = MMLogger(tmp_path.name, log_file=str(tmp_path / 'run.log'))
    file = io.StringIO()
    use_plain_messages(logger, console=Console(file=file, width=80))
    return logger, file.getvalue, (tmp_path / 'run.log').read_text


def test_warnings_have_no_time_and_no_name_of_a_logger(logger):
    logger, printed, logged = logger
    logger.warning('the queue is too long')
    assert printed() == 'warning: the queue is too long\n'
    assert ' - mmengine - WARNING - the queue is too long' in logged()


def test_details_are_in_the_log_file_only(logger):
    logger, printed, logged = logger
    logger.info('Config: ...')
    print_log('packing data.pkl', logger, NOTICE)
    assert printed() == 'packing data.pkl\n'
    assert 'Config: ...' in logged()
    assert 'packing data.pkl' in logged()


def test_an_error_is_one_line_however_long_it_is(logger):
    logger, printed, _ = logger
    logger.error('word ' * 100)
    assert printed().strip().count('\n') == 0


def test_warnings_fit_into_80_columns_and_paths_stay_whole(logger):
    logger, printed, _ = logger
    path = '/a/folder/' + 'name/' * 30
    logger.warning(f'{"some words " * 20}{path} and more words')
    lines = printed().splitlines()
    assert any(path in line for line in lines)
    assert all(len(line) <= 80 for line in lines if path not in line)


def test_mmengine_s_warnings_of_itself_are_not_shown(logger):
    logger, printed, logged = logger
    logger.warning('"FileClient" will be deprecated in future. Please use io functions')
    assert printed() == ''
    assert 'FileClient' in logged()


def test_a_warning_is_shown_once(logger):
    logger, printed, _ = logger
    for _ in range(2):
        logger.warning('the queue is too long')
    assert printed().count('queue') == 1


def test_other_ranks_print_errors_only(tmp_path):
    logger = MMLogger(f'{tmp_path.name}-rank')
    logger.handlers[0].setLevel(logging.ERROR)  # as mmengine does on ranks other than the first
    file = io.StringIO()
    use_plain_messages(logger, console=Console(file=file))
    logger.warning('said by all')
    logger.error('said by one')
    assert file.getvalue() == 'error: said by one\n'


def test_a_message_stands_above_the_progress_bar_of_another_console(tmp_path):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    logger = MMLogger(f'{tmp_path.name}-bar')
    use_plain_messages(logger)
    screen = Screen()
    console = Console(file=screen, force_terminal=True, color_system=None, width=80)
    with Progress(console=console, auto_refresh=False, transient=True) as bar:
        bar.add_task('converting', total=2)
        bar.refresh()
        logger.warning('one recording is empty')
    before, _, after = screen.getvalue().partition('warning: one recording is empty')
    assert before.endswith('\x1b[2K'), 'the bar is removed first'
    assert after.startswith('\n')
    assert 'converting' in after, 'and drawn again below'


def test_square_brackets_of_a_path_are_no_markup(capsys):
    say(get_console(), 'data/[bold]file[/bold].pkl')
    assert capsys.readouterr().out == 'data/[bold]file[/bold].pkl\n'


@pytest.mark.parametrize('is_open', [True, False])
def test_a_message_that_nobody_can_read_is_dropped(tmp_path, monkeypatch, capsys, is_open):
    class Pipe(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    logger = MMLogger(f'{tmp_path.name}-unread')
    use_plain_messages(logger)
    monkeypatch.setattr(sys, 'stdout', Pipe() if is_open else None)
    logger.warning('the queue is too long')
    assert capsys.readouterr().err == ''


def test_tables_have_room_in_a_file_and_texts_keep_to_80_columns(monkeypatch, capsys):
    monkeypatch.delenv('COLUMNS', raising=False)
    console = get_console()
    assert console.width == 160
    say(console, 'word ' * 60)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    monkeypatch.setenv('COLUMNS', '60')
    assert get_console().width == 60

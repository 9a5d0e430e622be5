"""Chains of tool calls with real processes, which are small scripts of the tests."""

import fcntl
import time

import pytest

from mmcmd.errors import InputError
from mmcmd.reproduction import schedule
from mmcmd.reproduction.launchers import LocalLauncher
from mmcmd.reproduction.schedule import run_stages
from mmcmd.reproduction.stages import Stage

MAKE = "(out / 'product').touch()\n"
COUNT = "open(out / 'runs', 'a').write('x')\n" + MAKE


@pytest.fixture
def stage(tmp_path):
    """Return a function: name, body of its script (`out` is its work dir), ... -> stage."""

    def make(name, body, *args, **options):
        script, work_dir = tmp_path / f'{name}.py', tmp_path / name
        script.write_text(
            'import os, pathlib, sys, time\n'
            f'root = pathlib.Path({str(tmp_path)!r})\n'
            f'out = root / {name!r}\n' + body
        )
        command = [str(script), *args]
        return Stage(name, command, work_dir, work_dir / 'product', **options)

    return make


def works(stage):
    """Return whether a process is running in the work dir."""
    with open(f'{stage.work_dir}.lock') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_stage_starts_after_those_it_needs(stage, tmp_path):
    note = f"open(root / 'order', 'a').write(out.name)\n{MAKE}"
    first = stage('a', 'time.sleep(0.3)\n' + note)
    second = stage('b', note, needs=[first])
    third = stage('c', note, needs=[first, second])
    run_stages([third, second, first], LocalLauncher(3))
    assert (tmp_path / 'order').read_text() == 'abc'


def test_jobs_run_at_the_same_time(stage):
    # Each script succeeds only if it sees the other one run.
    wait = (
        "(root / f'{out.name}.runs').touch()\n"
        'until = time.monotonic() + 20\n'
        "while len(list(root.glob('*.runs'))) < 2:\n"
        "    time.sleep(0.02) if time.monotonic() < until else sys.exit('alone')\n"
    )
    run_stages([stage('a', wait + MAKE), stage('b', wait + MAKE)], LocalLauncher(2))


def test_one_job_is_one_at_a_time(stage):
    alone = (
        "lock = os.open(root / 'lock', os.O_CREAT | os.O_EXCL)\n"  # fails if the lock exists
        "time.sleep(0.3)\nos.remove(root / 'lock')\n"
    )
    run_stages([stage(name, alone + MAKE) for name in 'ab'], LocalLauncher(1))


def test_tools_get_the_threads_that_were_asked_for(stage):
    told = stage('a', "(out / 'product').write_text(os.environ['OMP_NUM_THREADS'])")
    run_stages([told], LocalLauncher(1, threads=3))
    assert told.product.read_text() == '3'


def test_finished_stage_is_not_run_again(stage):
    counted = stage('a', COUNT)
    run_stages([counted])
    run_stages([counted, stage('b', MAKE, needs=[counted])])
    assert (counted.work_dir / 'runs').read_text() == 'x'


def test_stage_whose_product_is_gone_is_run_again(stage):
    counted = stage('a', COUNT)
    run_stages([counted])
    counted.product.unlink()
    run_stages([counted])
    assert (counted.work_dir / 'runs').read_text() == 'xx'


def test_changed_command_runs_again_from_nothing_and_so_does_what_needs_it(stage):
    def chain(*args):
        first = stage('a', COUNT, *args)
        return [first, stage('b', COUNT, needs=[first]), stage('c', COUNT)]

    run_stages(chain())
    first, second, other = chain('--epochs', '9')
    (other.work_dir / 'runs').write_text('kept')
    for changed in (first, second):
        assert not changed.finished
        (changed.work_dir / 'stale').touch()
    run_stages([first, second, other])
    for changed in (first, second):
        assert not (changed.work_dir / 'stale').exists()
        assert (changed.work_dir / 'runs').read_text() == 'x'
    assert (other.work_dir / 'runs').read_text() == 'kept'


def test_stage_whose_recipe_changed_is_run_again(stage):
    run_stages([stage('a', COUNT, recipe='lr = 0.1')])
    changed = stage('a', COUNT, recipe='lr = 0.2')
    assert not changed.finished
    run_stages([changed])
    assert stage('a', COUNT, recipe='lr = 0.2').finished


def test_folder_that_no_stage_made_is_kept(stage):
    own = stage('a', MAKE)
    own.work_dir.mkdir()
    (own.work_dir / 'thesis.txt').write_text('mine')
    run_stages([own])
    assert (own.work_dir / 'thesis.txt').read_text() == 'mine'


def test_failing_stage_is_one_sentence_with_log_and_last_line_and_stops_the_others(stage, tmp_path):
    endless = stage('endless', "(root / 'started').touch()\ntime.sleep(60)\n")
    failing = stage(
        'failing',
        "while not (root / 'started').exists():\n    time.sleep(0.02)\n"
        "print('a detail')\nsys.exit('no room on the disk')\n",
    )
    never = stage('never', MAKE, needs=[failing])
    with pytest.raises(InputError) as error:
        run_stages([endless, failing, never], LocalLauncher(2))
    message = str(error.value)
    assert message.startswith('failing ended with status 1: no room on the disk (')
    assert str(failing.log) in message
    assert '\n' not in message
    assert failing.log.read_text() == 'a detail\nno room on the disk\n'
    assert not works(endless)
    assert not endless.finished
    assert not never.work_dir.exists()


def test_error_of_a_tool_is_told_though_others_print_after_it(stage):
    talking = stage('a', "print('ValueError: too small')\nprint('bye')\nsys.exit(2)\n")
    with pytest.raises(InputError, match=r'a ended with status 2: ValueError: too small \('):
        run_stages([talking])


def test_tool_that_makes_nothing_has_failed(stage):
    with pytest.raises(InputError, match='a ended with status 0: nothing was printed'):
        run_stages([stage('a', '')])


def test_stage_that_fails_when_repeated_is_no_longer_finished(stage):
    # At the second start, it writes its product and then fails.
    body = f"again = (out / 'once').exists()\n(out / 'once').touch()\n{MAKE}sys.exit(again)\n"
    flaky = stage('a', body)
    run_stages([flaky])
    flaky.product.unlink()
    with pytest.raises(InputError, match='a ended with status 1'):
        run_stages([flaky])
    assert not flaky.finished


def test_interrupted_stage_is_stopped_and_goes_on_where_it_was(stage):
    body = (
        f"resumed = (out / 'checkpoint').exists()\n(out / 'checkpoint').touch()\n{MAKE}"
        'time.sleep(0 if resumed else 60)\n'
    )

    def interrupt():
        if slow.product.exists():
            raise KeyboardInterrupt
        return 0.0

    slow = stage('a', body, progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_stages([slow])
    assert not works(slow)
    assert not slow.finished, 'its product is there, but it has not ended'
    slow.progress = None
    start = time.monotonic()
    run_stages([slow])
    assert slow.finished
    assert time.monotonic() - start < 30, 'the checkpoint was removed'


def test_stage_that_can_never_run_is_a_fault_of_the_caller(stage):
    with pytest.raises(RuntimeError, match='b needs a stage that never runs'):
        run_stages([stage('b', MAKE, needs=[stage('a', MAKE)])])


def test_no_jobs_at_all_is_told(stage):
    with pytest.raises(InputError, match='jobs must be at least 1'):
        run_stages([stage('a', MAKE)], LocalLauncher(0))


def test_what_a_tool_says_is_in_its_log_at_once(stage):
    seen = []

    def look():
        if (talking.work_dir / 'said').exists():
            seen.append(talking.log.read_text())
            (talking.work_dir / 'heard').touch()
        return 0.5

    talking = stage(
        'a',
        "print('working')\n(out / 'said').touch()\nuntil = time.monotonic() + 20\n"
        "while not (out / 'heard').exists() and time.monotonic() < until:\n    time.sleep(0.02)\n"
        + MAKE,
        progress=look,
    )
    run_stages([talking])
    assert seen[0] == 'working\n'


def test_what_does_not_need_a_failed_stage_is_run_if_asked(stage, tmp_path):
    bad = stage('bad', 'raise SystemExit(3)')
    lost = stage('lost', MAKE, needs=[bad])
    good = stage('good', MAKE)
    told = run_stages([bad, lost, good], keep_going=True)
    assert good.finished
    assert not lost.work_dir.exists()
    assert [sentence.split(' ')[0] for sentence in told] == ['bad', 'lost']
    assert 'ended with status 3' in told[0]
    assert 'needs a run that failed' in told[1]


def test_stage_is_tried_again_from_where_it_was(stage):
    body = (
        "with open(out / 'tries', 'a') as file:\n    file.write('x')\n"
        "if (out / 'tries').read_text() != 'xxx':\n    sys.exit('lost the network')\n" + MAKE
    )
    flaky = stage('a', body)
    assert not run_stages([flaky], attempts=3)
    assert flaky.log.read_text() == 'lost the network\n' * 2


def test_stage_that_always_fails_is_named_and_the_others_go_on(stage):
    bad = stage('bad', "open(out / 'tries', 'a').write('x')\nos.kill(os.getpid(), 9)\n")
    good = stage('good', MAKE)
    (told,) = run_stages([bad, good], attempts=3, keep_going=True)
    assert (bad.work_dir / 'tries').read_text() == 'xxx'
    assert good.finished
    assert told.startswith('bad ended with status 137')
    assert told.endswith('3 attempts failed')


def test_preempted_stage_goes_on_though_only_one_attempt_is_allowed(stage):
    body = (
        "open(out / 'tries', 'a').write('x')\n"
        f"len((out / 'tries').read_text()) < 4 and sys.exit(85)\n{MAKE}"
    )
    assert not run_stages([stage('a', body)])


def test_stage_that_is_preempted_again_and_again_has_failed(stage, monkeypatch):
    monkeypatch.setattr(schedule, 'PREEMPTIONS', 3)
    preempted = stage('a', "open(out / 'tries', 'a').write('x')\nsys.exit(85)\n")
    with pytest.raises(InputError, match='a ended with status 85'):
        run_stages([preempted])
    assert (preempted.work_dir / 'tries').read_text() == 'xxxx'


def test_without_a_terminal_progress_is_lines(stage, capsys):
    body = (
        "for share in range(0, 101, 25):\n    (out / 'share').write_text(str(share))\n"
        f'    time.sleep(1.3)\n{MAKE}'
    )

    def share():
        path = half.work_dir / 'share'
        return int(path.read_text() or 0) / 100 if path.exists() else 0.0

    half = stage('half', body, progress=share)
    run_stages([half])
    assert 'half: 50%' in capsys.readouterr().out

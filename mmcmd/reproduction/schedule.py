"""Run stages in the order of their needs, show their progress, and repeat failed ones."""

import itertools
import time
from collections import Counter
from collections.abc import Sequence

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from mmcmd.errors import InputError
from mmcmd.reproduction.attempt import PREEMPTED
from mmcmd.reproduction.launchers import Job, Launcher, LocalLauncher
from mmcmd.reproduction.stages import Stage
from mmcmd.terminal import get_console, say

PREEMPTIONS = 100
"""How often a stage continues after it was asked to stop. The next time counts as a failure."""


def run_stages(
    stages: Sequence[Stage],
    launcher: Launcher | None = None,
    keep_going: bool = False,
    attempts: int = 1,
) -> list[str]:
    """Run each stage as soon as the stages that it needs are finished. Skip finished stages.

    Args:
        stages (Sequence[Stage]): The stages, in any order. The stages that they need must be among
            them or finished.
        launcher (Launcher, optional): Starts the stages. Defaults to one stage at a time on this
            machine.
        keep_going (bool): After a failure, continue with the stages that do not need the failed
            stage. Defaults to False.
        attempts (int): Number of attempts before a stage counts as failed. Each attempt continues
            from the last checkpoint. A stage that was asked to stop
            (:data:`~mmcmd.reproduction.attempt.PREEMPTED`) has not failed. Defaults to 1.

    Returns:
        list[str]: One sentence for each failed stage.

    Raises:
        InputError: If a stage fails and ``keep_going`` is False, or no stage can be started. The
            other running stages are stopped.
    """
    return _Schedule(stages, launcher or LocalLauncher(1), keep_going, attempts).run()


class _Schedule:
    def __init__(
        self, stages: Sequence[Stage], launcher: Launcher, keep_going: bool, attempts: int
    ) -> None:
        self.waiting = list(stages)
        self.launcher, self.keep_going, self.attempts = launcher, keep_going, attempts
        self.running: dict[int, tuple[Stage, Job]] = {}
        self.failed, self.failures, self.preemptions = {}, Counter(), Counter()
        self.console = get_console()
        # A long name goes on in the next line. Eight columns of time, the rest is for the bar.
        name = TextColumn('{task.description}', table_column=Column(ratio=3, overflow='fold'))
        bar = BarColumn(None, table_column=Column(ratio=2))
        columns = name, bar, TimeElapsedColumn()
        self.bars = Progress(*columns, console=self.console, expand=True)
        self.tasks, self.shares = {}, {}

    def run(self) -> list[str]:
        with self.bars:
            try:
                for turn in itertools.count():
                    self.start()
                    if not (self.waiting or self.running):
                        break
                    time.sleep(0.2)
                    for stage, job in list(self.running.values()):
                        self.look_at(stage, job, show=turn % 5 == 0)
            finally:
                jobs = [job for _, job in self.running.values()]
                for job in jobs:
                    job.stop()
                for job in jobs:
                    job.wait()
        return list(self.failed.values())

    def start(self) -> None:
        before = len(self.waiting)
        for stage in list(self.waiting):
            if any(need.work_dir in self.failed for need in stage.needs):
                self.waiting.remove(stage)
                self.failed[stage.work_dir] = f'{stage.name} needs a run that failed'
            elif not all(need.finished for need in stage.needs):
                continue
            elif stage.finished:
                self.waiting.remove(stage)
                self.say(f'{stage.name}: finished before ({stage.work_dir})')
            elif len(self.running) < self.launcher.size:
                self.waiting.remove(stage)
                self.say(f'{stage.name}: started (log: {stage.log})')
                self.running[id(stage)] = stage, self.launcher.start(stage)
                if stage.work_dir not in self.tasks:
                    total = 1.0 if stage.progress else None
                    self.tasks[stage.work_dir] = self.bars.add_task(stage.name, total=total)
        if self.waiting and not self.running and len(self.waiting) == before:
            raise RuntimeError(f'{self.waiting[0].name} needs a stage that never runs')

    def look_at(self, stage: Stage, job: Job, show: bool) -> None:
        status = job.poll()
        if status is None:
            if show and stage.progress:
                self.show(stage)
            return
        del self.running[id(stage)]
        if stage.finished:
            self.bars.update(self.tasks[stage.work_dir], total=1.0, completed=1.0)
            return
        if status == PREEMPTED and self.preemptions[stage.work_dir] < PREEMPTIONS:
            self.preemptions[stage.work_dir] += 1
            self.say(f'{stage.name} was asked to stop; it continues from its last checkpoint')
            self.waiting.insert(0, stage)
            return
        self.failures[stage.work_dir] += 1
        failure = stage.failure(status)
        if (count := self.failures[stage.work_dir]) < self.attempts:
            self.say(f'attempt {count} of {self.attempts} failed: {failure}')
            self.waiting.insert(0, stage)
            return
        if self.attempts > 1:
            failure = f'{failure}; {self.attempts} attempts failed'
        if not self.keep_going:
            raise InputError(failure)
        self.failed[stage.work_dir] = failure
        self.bars.update(self.tasks[stage.work_dir], total=1.0, completed=1.0)
        self.say(f'failed: {failure}')

    def show(self, stage: Stage) -> None:
        """Show the progress as a bar, or without a terminal as a line for each 10 %."""
        share = stage.progress()
        self.bars.update(self.tasks[stage.work_dir], completed=share)
        if not self.console.is_terminal and int(10 * share) > self.shares.get(stage.work_dir, 0):
            self.shares[stage.work_dir] = int(10 * share)
            self.say(f'{stage.name}: {share:.0%}')

    def say(self, text: str) -> None:
        say(self.console, text)

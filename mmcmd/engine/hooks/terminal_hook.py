import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.text import Text

from mmcmd.engine.hooks.results_hook import RESULTS, TEST_RESULTS
from mmcmd.engine.overview import run_title, shorten, test_overview, training_overview
from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.registry import HOOKS
from mmcmd.terminal import ProgressLine, accuracy_table, get_console, say

_PATHS = ('log', 'weights', 'checkpoint', 'results')
_WINDOW = 20  # iterations that loss, accuracy and rate are averaged over


@HOOKS.register_module()
class TerminalHook(Hook):
    """Show a run on the terminal: what it does, one line of progress, tables, and the result.

    The log file has all that mmengine logs. :class:`mmcmd.engine.ToolRunner` registers this hook on
    the first rank, unless the whole log is wanted on the terminal.

    The hook never reads a loss from the device. It shows the numbers that ``LoggerHook`` has read.

    Args:
        console (Console, optional): Defaults to standard output.
        label (str): If it is not empty, the line of progress begins with it, and nothing else is
            shown. It is for a run that is a part of another run. Defaults to ''.
    """

    priority = 'LOW'  # after hooks that check the run, and after LoggerHook, which reads the losses

    def __init__(self, console: Console | None = None, label: str = '') -> None:
        self.console = console or get_console()
        self.line = ProgressLine(self.console)
        self.label = label
        self._is_training = False
        self._is_introduced = False
        self._encoded = 0

    def before_train(self, runner: Runner) -> None:
        """Show what the training does."""
        self._is_training, self._start = True, time.monotonic()
        self._introduce(runner, training_overview(runner), runner.cfg.get('notes', ()))

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Show the progress."""
        done = runner.iter + 1
        title = f'epoch {runner.epoch + 1}/{runner.max_epochs}'
        self._show(title, done / runner.max_iters, lambda: _training_facts(runner))

    def after_feature_iter(self, runner: Runner) -> None:
        """Show that the encoders of a linear evaluation are at work."""
        self._encoded += 1
        batches = f'{self._encoded} batches'
        self._show('encoding', 0.0, lambda: batches)

    def before_gallery(self, runner: Runner) -> None:
        """Show what a test does. The gallery is encoded before the test begins."""
        self._encoded = 0
        if not self._is_training:
            self.before_test(runner)

    def after_gallery_iter(self, runner: Runner) -> None:
        """Show how much of the gallery is encoded."""
        loop = runner.val_loop if self._is_training else runner.test_loop
        self._encoded += 1
        self._show_batches('encoding the gallery', self._encoded, len(loop.gallery_dataloader))

    def after_val_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        """Show how much of the validation is done."""
        self._show_batches('validating', batch_idx + 1, len(runner.val_dataloader))

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Show the metrics of this epoch, and the best ones."""
        results = runner.message_hub.runtime_info.get('results', {})
        best = {name: (x['best'], x['best_epoch']) for name, x in results.items()}
        title = f'epoch {runner.epoch} of {runner.max_epochs}'
        loss = _mean(runner, 'loss')
        self._show_table(runner, title + (f', loss {loss:.4g}' if loss else ''), metrics, best)

    def after_train(self, runner: Runner) -> None:
        """Show where the result is."""
        self.line.clear()
        self._is_training = False
        if self.label:
            return
        say(self.console, f'trained in {_duration(time.monotonic() - self._start)}', style='bold')
        facts = {'checkpoint': runner.message_hub.runtime_info.get('last_ckpt')}
        if runner.val_loop is not None:
            facts['results'] = f'{runner.work_dir}/{RESULTS}'
        self._list({name: shorten(x) for name, x in facts.items() if x})

    def before_test(self, runner: Runner) -> None:
        """Show what the test does."""
        if not self._is_introduced:
            self._introduce(runner, test_overview(runner))

    def after_test_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        """Show how much of the test is done."""
        self._show_batches('testing', batch_idx + 1, len(runner.test_dataloader))

    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Show the metrics, and where they are written."""
        self._show_table(runner, 'test', metrics)
        if not self.label:
            self._list({'results': shorten(f'{runner.work_dir}/{TEST_RESULTS}')})

    def close(self) -> None:
        """Remove the live line, so that a message that follows stands alone."""
        self.line.clear()

    def _introduce(
        self, runner: Runner, facts: Mapping[str, str], notes: Sequence[str] = ()
    ) -> None:
        self._is_introduced = True
        if self.label:
            return
        say(self.console, run_title(runner), style='bold')
        self._list(facts)
        for note in notes:
            say(self.console, f'  {note}', indent=' ' * 4)

    def _list(self, facts: Mapping[str, str]) -> None:
        width = max(map(len, facts), default=0)
        for name, text in facts.items():
            line = f'  {name:<{width}}  {text}'
            say(self.console, line, indent=' ' * (width + 4), wrap=name not in _PATHS)

    def _show(self, title: str, share: float, facts: Callable[[], str]) -> None:
        self.line.show(f'{self.label}, {title}' if self.label else title, share, facts)

    def _show_batches(self, title: str, done: int, total: int) -> None:
        self._show(title, done / max(total, 1), lambda: f'{done} of {total} batches')

    def _show_table(
        self,
        runner: Runner,
        title: str,
        metrics: Mapping[str, float] | None,
        best: Mapping[str, tuple[float, int | None]] | None = None,
    ) -> None:
        if self.label:
            return
        self.line.clear()
        streams = list(getattr(unwrapped_model(runner), 'streams', ()))
        self.console.print(Text(title, 'bold'))
        self.console.print(accuracy_table(metrics or {}, streams, best))


def _mean(runner: Runner, name: str) -> float | None:
    """Return the mean of a scalar of the training over the last iterations."""
    buffer = runner.message_hub.log_scalars.get(f'train/{name}')
    return buffer.mean(_WINDOW) if buffer is not None else None


def _training_facts(runner: Runner) -> str:
    """Say loss, accuracy, rate and the time that is left, as far as LoggerHook has read them."""
    scalars = runner.message_hub.log_scalars
    loss = _mean(runner, 'loss')
    if loss is None:
        return 'the first steps'
    parts = [f'loss {loss:.4g}']
    names = [x.removeprefix('train/') for x in scalars if x.startswith('train/acc')]
    names = names or [x.removeprefix('train/') for x in scalars if x.endswith('top1_acc')]
    if names:
        accuracy = sum(_mean(runner, name) for name in names) / len(names)
        parts.append(f'acc {100 * accuracy:.1f} %')
    if rate := _mean(runner, 'samples_per_s'):
        parts.append(f'{rate:,.0f}/s')
    if left := runner.message_hub.runtime_info.get('eta'):
        parts.append(f'{_duration(left)} left')
    return '  '.join(parts)


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))

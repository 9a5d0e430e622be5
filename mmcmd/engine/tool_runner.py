import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader, _load_checkpoint_to_model
from mmengine.visualization import Visualizer
from torch import nn

from mmcmd.engine.hooks.terminal_hook import TerminalHook
from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.errors import InputError, config_faults
from mmcmd.terminal import use_plain_messages

_WORK = (
    *('after_train_iter', 'after_val_iter', 'after_test_iter'),
    *('after_gallery_iter', 'after_feature_iter'),
)


class ToolRunner(Runner):
    """mmengine's runner as the command line tools use it.

    - The terminal shows what a person needs (:class:`mmcmd.engine.TerminalHook`). The whole log is
      in the log file. With ``verbose=True`` in the config, the terminal shows the whole log too.
      With ``terminal_label='NAME'`` it shows the line of progress only, with this name.
    - A start that fails because of a user's mistake leaves no folder behind.

    The arguments are those of mmengine's ``Runner``.
    """

    def __init__(self, *args: Any, work_dir: str, **kwargs: Any) -> None:
        self._has_worked = False
        self._terminal: TerminalHook | None = None
        path = Path(work_dir).absolute()
        self._new_folders = [x for x in (path, *path.parents) if not x.exists()]
        self._old_files = set(path.iterdir()) if path.is_dir() else set()
        with self._clean_start():
            super().__init__(*args, work_dir=work_dir, **kwargs)

    def train(self) -> nn.Module:
        """Train, see mmengine's ``Runner``."""
        with self._clean_start():
            return super().train()

    def test(self) -> dict:
        """Test, see mmengine's ``Runner``."""
        with self._clean_start():
            return super().test()

    def build_train_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Build the training loop and its loader, see mmengine's ``Runner``."""
        with config_faults():
            return super().build_train_loop(*args, **kwargs)

    def build_val_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Build the validation loop, its loader and its metrics, see mmengine's ``Runner``."""
        with config_faults():
            return super().build_val_loop(*args, **kwargs)

    def build_test_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Build the test loop, its loader and its metrics, see mmengine's ``Runner``."""
        with config_faults():
            return super().build_test_loop(*args, **kwargs)

    def build_optim_wrapper(self, *args: Any, **kwargs: Any) -> Any:
        """Build the optimiser, see mmengine's ``Runner``."""
        with config_faults():
            return super().build_optim_wrapper(*args, **kwargs)

    def build_param_scheduler(self, *args: Any, **kwargs: Any) -> Any:
        """Build the schedules, see mmengine's ``Runner``."""
        with config_faults():
            return super().build_param_scheduler(*args, **kwargs)

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = 'cpu',
        strict: bool = False,
        revise_keys: Sequence[tuple[str, str]] = ((r'^module.', ''),),
    ) -> dict:
        """Load a checkpoint as mmengine's ``Runner`` does, but log that, and do not print it."""
        checkpoint = CheckpointLoader.load_checkpoint(filename, map_location, self.logger)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model = unwrapped_model(self)
        checkpoint = _load_checkpoint_to_model(
            model, checkpoint, strict, self.logger, list(revise_keys)
        )
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        return checkpoint

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build a logger that writes all to the log file, and warnings to the terminal."""
        logger = super().build_logger(*args, **kwargs)
        if not self.cfg.get('verbose'):
            if is_main_process():
                self._terminal = TerminalHook(label=self.cfg.get('terminal_label', ''))
            console = self._terminal and self._terminal.console
            use_plain_messages(logger, console=console)
        return logger

    def setup_env(self, env_cfg: dict) -> None:
        """Set up processes and ranks, without mmengine's warnings about its number of threads."""
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'Setting (OMP|MKL)_NUM_THREADS', UserWarning)
            super().setup_env(env_cfg)

    def wrap_model(self, *args: Any, **kwargs: Any) -> nn.Module:
        """Wrap the model for several ranks, without torch's warning about an option of mmengine."""
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', '`broadcast_buffers` is deprecated', FutureWarning)
            return super().wrap_model(*args, **kwargs)

    def register_hooks(self, *args: Any, **kwargs: Any) -> None:
        """Register the hooks of the config, and the one for the terminal."""
        super().register_hooks(*args, **kwargs)
        if self._terminal is not None:
            self.register_hook(self._terminal)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call a method of all hooks."""
        self._has_worked = self._has_worked or fn_name in _WORK
        super().call_hook(fn_name, **kwargs)

    @contextmanager
    def _clean_start(self) -> Iterator[None]:
        """Remove the live line in any case, and the new files if the run fails at its start."""
        try:
            yield
        except (InputError, OSError, KeyError, TypeError, KeyboardInterrupt):
            if not self._has_worked and is_main_process():
                self._remove_new_files()
            raise
        finally:
            if self._terminal is not None:
                self._terminal.close()

    def _remove_new_files(self) -> None:
        """Remove what this runner has made: the folder of the log, and the copy of the config."""
        for handler in list(getattr(getattr(self, 'logger', None), 'handlers', ())):
            if isinstance(handler, logging.FileHandler):
                handler.close()
                self.logger.handlers.remove(handler)
        if hasattr(self, 'visualizer'):
            self.visualizer.close()  # TensorBoard's thread would go on writing
        if hasattr(self, '_log_dir'):
            # mmengine keeps both by name. A further run of this process in the same second has the
            # same name, and would write to the folder that is removed here.
            for kept in (MMLogger, Visualizer):
                kept._instance_dict.pop(self._experiment_name, None)
            shutil.rmtree(self._log_dir, ignore_errors=True)
            config = Path(self.work_dir, Path(self.cfg.filename or f'{self.timestamp}.py').name)
            if config not in self._old_files:
                config.unlink(missing_ok=True)
        with suppress(OSError):  # a folder that is not empty stays
            for folder in self._new_folders:
                os.rmdir(folder)

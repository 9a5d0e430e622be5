import math

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.registry import HOOKS

_STD, _ACC = 'train/std_', 'train/acc_'


@HOOKS.register_module()
class CollapseHook(Hook):
    """Log two numbers after each epoch that show a collapse of the representation, and warn of it.

    The hook logs, for each stream with a value ``std_{stream}``, the standard deviation of the
    embeddings (:func:`mmcmd.models.functional.embedding_std`) and the contrastive accuracy, both
    averaged over the epoch.

    Args:
        min_std (float): Warn below this standard deviation. Training runs that worked stayed above
            0.4, and embeddings that are all the same have 0. Defaults to 0.1.
        min_acc (float): Warn below this contrastive accuracy. Defaults to 0.001; chance is one
            in ``queue_size + 1``.
    """

    def __init__(self, min_std: float = 0.1, min_acc: float = 0.001) -> None:
        self.min_std = min_std
        self.min_acc = min_acc
        self._collapsed: set[str] = set()

    def before_train_epoch(self, runner: Runner) -> None:
        """Remember where the epoch starts."""
        self._start = runner.iter - getattr(runner.train_loop, 'position', 0)

    def after_train_epoch(self, runner: Runner) -> None:
        """Log one line, and a warning for each stream that has collapsed since the last epoch."""
        scalars = runner.message_hub.log_scalars
        iterations = runner.iter - self._start
        names = [key.removeprefix(_STD) for key in scalars if key.startswith(_STD)]
        if not names or not iterations:
            return
        figures = {
            name: tuple(
                scalars[key + name].mean(iterations) if key + name in scalars else math.nan
                for key in (_STD, _ACC)
            )
            for name in names
        }
        epoch = runner.epoch + 1
        text = '; '.join(f'{name} {std:.3f}, {acc:.4f}' for name, (std, acc) in figures.items())
        runner.logger.info(
            f'embeddings in epoch {epoch} (standard deviation, contrastive accuracy): {text}'
        )
        before = self._collapsed
        self._collapsed = {
            name for name, (std, acc) in figures.items() if std < self.min_std or acc < self.min_acc
        }
        for name, (std, acc) in figures.items():
            if name in self._collapsed - before:
                low = []
                if std < self.min_std:
                    low.append(
                        f'the standard deviation of its embeddings is {std:.3f} (healthy: 0.4 to '
                        f'1, warned of below {self.min_std})'
                    )
                if acc < self.min_acc:
                    low.append(
                        'its contrastive accuracy (the share of queries whose own key is the most '
                        f'similar one) is {acc:.4f} (warned of below {self.min_acc})'
                    )
                runner.logger.warning(
                    f'the {name} representation has collapsed or is about to: in epoch {epoch} '
                    f'{" and ".join(low)}; in the first steps of a training this is usual; later, '
                    'lower optim_wrapper.optimizer.lr, or weaken the augmentation'
                )

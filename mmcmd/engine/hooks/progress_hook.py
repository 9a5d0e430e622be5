from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner

from mmcmd.engine.seeding import derive_seed
from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.models import BasePretrainer
from mmcmd.registry import HOOKS


@HOOKS.register_module()
class ProgressHook(Hook):
    """Tell a pre-training model, before each iteration, where the training is.

    The model gets the epoch, the progress, and a seed for its own draws, which is a function of the
    run's seed, the iteration and the rank. A checkpoint holds all of them, so that a resumed run
    goes on with the same values. The hook works with any training loop.

    After each step of the optimiser, the hook calls :meth:`mmcmd.models.BasePretrainer.after_step`,
    before any other hook saves or evaluates the model.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Call :meth:`mmcmd.models.BasePretrainer.set_progress`."""
        model = unwrapped_model(runner)
        if isinstance(model, BasePretrainer):
            seed = derive_seed(runner.seed, runner.iter, get_rank())
            progress = runner.iter / runner.max_iters
            model.set_progress(runner.epoch, progress, seed, runner.max_iters)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Call :meth:`mmcmd.models.BasePretrainer.after_step` if the optimiser made a step."""
        model = unwrapped_model(runner)
        if isinstance(model, BasePretrainer) and _has_stepped(runner.optim_wrapper):
            model.after_step()


def _has_stepped(wrapper: Any) -> bool:
    """Return False if gradients are accumulated and no step was made with them yet."""
    # ``OptimWrapperDict`` is an ``OptimWrapper``, but has no count: its methods make their steps.
    if isinstance(wrapper, OptimWrapperDict) or not isinstance(wrapper, OptimWrapper):
        return True
    return wrapper.should_update()

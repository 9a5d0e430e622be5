from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.registry import HOOKS


@HOOKS.register_module()
class FittingHook(Hook):
    """Log what was chosen for this run (``notes`` of the config), and warn of too long a queue.

    :func:`mmcmd.apis.fit_to_data` fits a config of the budget ``small`` before the model is built.
    """

    def before_train(self, runner: Runner) -> None:
        """Log what was chosen for this run, and warn if a queue is too long."""
        for note in runner.cfg.get('notes', ()):
            runner.logger.info(note)
        size = len(runner.train_dataloader.dataset)
        queues = getattr(unwrapped_model(runner), 'queues', None) or {}
        longest = max((queue.size for queue in queues.values()), default=0)
        if longest > size:
            runner.logger.warning(
                f'the queue of {longest} keys is longer than the training set of {size} sequences: '
                'it holds several keys of each sequence, which the loss takes for other sequences; '
                'set model.queue.size (and K) to less, or take --budget small'
            )

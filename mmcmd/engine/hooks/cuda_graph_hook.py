import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import Runner

from mmcmd.engine.graphed_step import GraphedStep
from mmcmd.errors import InputError
from mmcmd.registry import HOOKS


@HOOKS.register_module()
class CudaGraphHook(Hook):
    """Run the whole training step as one CUDA graph (:class:`GraphedStep`).

    A recurrent encoder is thousands of small operations. A graph launches all of them at once. The
    hook is off by default. To use it, set ``default_hooks.graph.type=CudaGraphHook`` and
    ``optim_wrapper.optimizer.fused=True``.

    Raises:
        InputError: If there is no GPU, or the step cannot be recorded (:func:`find_obstacle`).
    """

    def before_train(self, runner: Runner) -> None:
        """Let the loop call the graph."""
        obstacle = find_obstacle(runner)
        if not torch.cuda.is_available():
            obstacle = 'it needs a CUDA GPU, and there is none; leave the hook out'
        if obstacle:
            raise InputError(f'CudaGraphHook: {obstacle}')
        runner.model.train_step = GraphedStep(runner.model, runner.optim_wrapper)

    def after_train(self, runner: Runner) -> None:
        """Free the memory of the graph."""
        del runner.model.train_step


def find_obstacle(runner: Runner) -> str | None:
    """Return why the step of a runner cannot be recorded and what to do, or None if it can."""
    wrapper = runner.optim_wrapper
    if get_world_size() > 1:
        return 'it runs on one GPU only; start one process, or leave the hook out'
    if not vars(type(runner.model)).get('capturable', False):
        return (
            f'the loss of {type(runner.model).__name__} is not known to be the same operations in '
            'each step (its class has no attribute capturable=True); leave the hook out'
        )
    if isinstance(wrapper, AmpOptimWrapper):
        return 'the loss scale of float16 is chosen on the host; use --amp-dtype bfloat16'
    if not isinstance(wrapper, OptimWrapper):
        return 'it works with one optimizer only; leave the hook out'
    if wrapper._accumulative_counts > 1 or wrapper.clip_grad_kwargs:
        return (
            'it can neither accumulate nor clip gradients; leave out '
            'optim_wrapper.accumulative_counts and clip_grad'
        )
    for group in wrapper.optimizer.param_groups:
        if not (group.get('fused') and group.get('capturable', True)):
            more = ' and capturable=True' if 'capturable' in group else ''
            return (
                'the learning rate must be read on the GPU; set '
                f'optim_wrapper.optimizer.fused=True{more} (SGD, Adam and AdamW have it)'
            )
    schedulers = runner.param_schedulers or []
    others = {x.param_name for x in schedulers if x.param_name != 'lr'}
    if others:
        return f'the graph would never see changes of {min(others)}; schedule lr alone'
    if not runner.train_dataloader.drop_last:
        return (
            'all batches must have one size; set train_dataloader.drop_last=True and '
            'train_dataloader.sampler.drop_last=True'
        )
    return None

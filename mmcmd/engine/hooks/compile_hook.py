from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.errors import InputError
from mmcmd.registry import HOOKS

DEFAULT_MODULES = ('head', 'heads.*', 'distill_head')


@HOOKS.register_module()
class CompileHook(Hook):
    """Let ``torch.compile`` make parts of the model faster; their state keeps its names.

    Worth it where many small operations follow each other: heads and graph encoders. By default
    the forward passes of the heads are compiled: InfoNCE, accuracy and the divergences of all
    pairs, or a classifier's linear layer. All else stays eager: encoders, the product of
    embeddings and queue, the update of the queue and of the key encoders. Graph encoders are named
    by ``modules``; recurrent ones are one call a layer already, and are better left alone. The
    first iterations take a minute or more, while code is generated.

    ``cfg.compile`` of mmengine cannot take its place: it compiles the whole ``train_step``, and
    then the backward pass of CMD ends in an error (torch 2.13), because the queue is updated in
    place before it.

    Args:
        modules (Sequence[str], optional): Names of modules, with ``*`` for any text; those that a
            model of one config calls ``encoders.joint.backbone`` and so on are
            ``encoders.*.backbone``. Defaults to ``head``, ``heads.*`` and ``distill_head``, those
            that there are.
        **options: Of ``torch.compile``, such as ``mode='max-autotune'`` or ``dynamic=False``.

    Raises:
        InputError: If a name that was given fits no module, or none of the default ones does.
    """

    def __init__(self, modules: Sequence[str] | None = None, **options: Any) -> None:
        self.modules = modules
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Mark the modules; each is compiled when it is first called."""
        model = unwrapped_model(runner)
        named = {name: module for name, module in model.named_modules() if name}
        patterns = DEFAULT_MODULES if self.modules is None else self.modules
        found = {x: [name for name in named if fnmatchcase(name, x)] for x in patterns}
        missing = [pattern for pattern, names in found.items() if not names]
        # Not every method distils, so that of the default ones any will do.
        if missing and (self.modules is not None or missing == list(patterns)):
            raise InputError(
                f'CompileHook: no module of {type(model).__name__} is called '
                f'{" or ".join(map(repr, missing))}; it has '
                f'{", ".join(name for name, _ in model.named_children())}'
            )
        names = dict.fromkeys(name for names in found.values() for name in names)
        for name in names:
            named[name].compile(**self.options)
        runner.logger.info(f'compiling {", ".join(names)} when first called')

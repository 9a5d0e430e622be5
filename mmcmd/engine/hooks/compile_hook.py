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
    """Speed up parts of the model with ``torch.compile``. The names in their state stay the same.

    It helps where many small operations follow each other, as in heads and graph encoders. By
    default the forward passes of the heads are compiled: InfoNCE, accuracy and the divergences of
    all pairs, or a classifier's linear layer. Everything else stays eager: encoders, the product of
    embeddings and queue, the update of the queue and of the key encoders. To compile graph
    encoders, name them in ``modules``. Do not compile recurrent encoders, which are one call per
    layer already. The first iterations take a minute or more, while code is generated.

    ``cfg.compile`` of mmengine cannot replace this hook. It compiles the whole ``train_step``. The
    backward pass of CMD then ends in an error (torch 2.13), because the queue is updated in place
    before it.

    Args:
        modules (Sequence[str], optional): Names of modules, with ``*`` for any text. For example,
            ``encoders.*.backbone`` stands for ``encoders.joint.backbone`` and those of all other
            streams. Defaults to ``head``, ``heads.*`` and ``distill_head``, as far as the model has
            them.
        **options: Options of ``torch.compile``, such as ``mode='max-autotune'`` or
            ``dynamic=False``.

    Raises:
        InputError: If a given name fits no module, or if no default name fits one.
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
        # Not every method distils, so one default name that fits is enough.
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

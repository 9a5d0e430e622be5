from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.errors import InputError
from mmcmd.registry import HOOKS


@HOOKS.register_module()
class CompileHook(Hook):
    """Let ``torch.compile`` make parts of the model faster; their state keeps its names.

    Worth it where many small operations follow each other: heads and graph encoders. Recurrent
    encoders are one call a layer already, and are better left alone. The first iterations take
    a minute or more, while code is generated.

    Args:
        modules (Sequence[str]): Names of modules, with ``*`` for any text; those that a model
            of one config calls ``query_encoders.joint.backbone`` and so on are
            ``*_encoders.*.backbone``. Defaults to the queue heads.
        **options: Of ``torch.compile``, such as ``mode='max-autotune'`` or ``dynamic=False``.

    Raises:
        InputError: If a name fits no module.
    """

    def __init__(self, modules: Sequence[str] = ('heads.*',), **options: Any) -> None:
        self.modules = modules
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Mark the modules; each is compiled when it is first called."""
        model = unwrapped_model(runner)
        named = dict(model.named_modules())
        for pattern in self.modules:
            found = [name for name in named if name and fnmatchcase(name, pattern)]
            if not found:
                raise InputError(
                    f'CompileHook: no module of {type(model).__name__} is called {pattern!r}; it '
                    f'has {", ".join(name for name, _ in model.named_children())}'
                )
            for name in found:
                named[name].compile(**self.options)
            runner.logger.info(f'compiling {", ".join(found)} when first called')

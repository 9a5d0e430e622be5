"""Registries of mmcmd. They are children of those of mmaction2 and mmengine.

If mmcmd does not define a type, the type is searched in mmaction2 and then in mmengine. Configs
with ``default_scope = 'mmcmd'`` can therefore name ``STGCN`` or ``PackActionInputs`` without a
prefix. The search finds only types that are already imported. For this reason, the models, data
sets, transforms and metrics of mmaction2 are imported together with ours.
"""

import warnings
from threading import RLock
from typing import Any

from mmaction import registry as mmaction_registry
from mmengine.registry import Registry

SCOPE = 'mmcmd'


class LazyRegistry(Registry):
    """A registry that imports its locations before the first look-up or registration.

    The registry of mmengine does not import them before a registration. If a user then registers a
    class with ``force=True`` to replace one of ours, the user's class would come first, and the
    import of ours would fail.
    """

    _is_importing = False
    _lock = RLock()  # shared by all registries, because their locations import each other

    def import_from_location(self) -> None:
        """Import the locations. Later calls do nothing."""
        with self._lock:  # another thread waits until all locations are imported
            if self._imported or self._is_importing:  # a location registers classes
                return
            self._is_importing = True
            try:
                with warnings.catch_warnings():
                    # mmcv-lite warns that `mmcv.ops` is missing, but skeleton code does not use it.
                    warnings.filterwarnings('ignore', 'Fail to import', UserWarning)
                    super().import_from_location()
            finally:
                self._is_importing = False

    def register_module(self, *args: Any, **kwargs: Any) -> Any:
        """Register a class or function, as mmengine does."""
        self.import_from_location()
        return super().register_module(*args, **kwargs)


def _child(name: str, *locations: str) -> Registry:
    parent = getattr(mmaction_registry, name)
    return LazyRegistry(parent.name, parent=parent, scope=SCOPE, locations=list(locations))


MODELS = _child('MODELS', 'mmaction.models', 'mmcmd.models')
DATASETS = _child('DATASETS', 'mmaction.datasets', 'mmcmd.datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'mmcmd.datasets')
TRANSFORMS = _child('TRANSFORMS', 'mmaction.datasets', 'mmcmd.datasets')
HOOKS = _child('HOOKS', 'mmcmd.engine')
LOOPS = _child('LOOPS', 'mmcmd.engine')
METRICS = _child('METRICS', 'mmaction.evaluation', 'mmcmd.evaluation')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'mmcmd.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS', 'mmcmd.engine')
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS', 'mmengine.optim', 'mmcmd.engine')

# We register nothing in these. Without them, mmengine warns that it cannot search our scope.
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'mmengine.model')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'mmaction.engine')  # AAGCN needs it
OPTIMIZERS = _child('OPTIMIZERS', 'mmengine.optim')
LOG_PROCESSORS = _child('LOG_PROCESSORS', 'mmengine.runner')
VISUALIZERS = _child('VISUALIZERS', 'mmengine.visualization')
VISBACKENDS = _child('VISBACKENDS', 'mmengine.visualization')

MODALITIES = LazyRegistry('modality', scope=SCOPE, locations=['mmcmd.models'])
"""Modalities of a skeleton (joint, motion, bone): modules that process a batch on its device."""

CONVERTERS = Registry('converter', scope=SCOPE, locations=['mmcmd.datasets.converters'])
"""Raw data set formats that ``tools/data/convert.py`` reads, one class per format."""

"""Registries of mmcmd: children of mmaction2's, which are children of mmengine's.

A type that mmcmd does not define is looked up in mmaction2 and then in mmengine, so configs name
``STGCN`` or ``PackActionInputs`` without a prefix as long as ``default_scope = 'mmcmd'``. A child
asks its parents only for what they hold already, so models, data sets, transforms and metrics of
mmaction2 are imported along with ours.
"""

import warnings
from threading import RLock
from typing import Any

from mmaction import registry as mmaction_registry
from mmengine.registry import Registry

SCOPE = 'mmcmd'


class LazyRegistry(Registry):
    """A registry whose locations are imported before the first is asked for, or added.

    mmengine's own does not do so before one is added. A class of a user's that replaces one of ours
    by ``force=True`` would then be there first, and ours refused.
    """

    _is_importing = False
    _lock = RLock()  # of all, as their locations import each other

    def import_from_location(self) -> None:
        """Import the locations, once."""
        with self._lock:  # another thread waits until all are there
            if self._imported or self._is_importing:  # by what a location registers
                return
            self._is_importing = True
            try:
                with warnings.catch_warnings():
                    # mmcv-lite warns that it lacks `mmcv.ops`, which no skeleton code uses.
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

# Nothing of ours is in these; without them mmengine warns that it cannot search our scope.
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'mmengine.model')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'mmaction.engine')  # where AAGCN's are
OPTIMIZERS = _child('OPTIMIZERS', 'mmengine.optim')
LOG_PROCESSORS = _child('LOG_PROCESSORS', 'mmengine.runner')
VISUALIZERS = _child('VISUALIZERS', 'mmengine.visualization')
VISBACKENDS = _child('VISBACKENDS', 'mmengine.visualization')

MODALITIES = LazyRegistry('modality', scope=SCOPE, locations=['mmcmd.models'])
"""What a skeleton can be seen as (joint, motion, bone): functions of a batch, on its device."""

CONVERTERS = Registry('converter', scope=SCOPE, locations=['mmcmd.datasets.converters'])
"""Raw data set formats that ``tools/data/convert.py`` reads, one class a format."""

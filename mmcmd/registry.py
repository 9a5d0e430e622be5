"""Registries of mmcmd: children of mmaction2's, which are children of mmengine's.

A type that mmcmd does not define is looked up in mmaction2 and then in mmengine, so configs name
``STGCN`` or ``PackActionInputs`` without a prefix as long as ``default_scope = 'mmcmd'``.
"""

from mmaction import registry as mmaction_registry
from mmengine.registry import Registry

SCOPE = 'mmcmd'


def _child(name: str, location: str) -> Registry:
    parent = getattr(mmaction_registry, name)
    return Registry(parent.name, parent=parent, scope=SCOPE, locations=[location])


MODELS = _child('MODELS', 'mmcmd.models')
DATASETS = _child('DATASETS', 'mmcmd.datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'mmcmd.datasets')
TRANSFORMS = _child('TRANSFORMS', 'mmcmd.datasets')
HOOKS = _child('HOOKS', 'mmcmd.engine')
LOOPS = _child('LOOPS', 'mmcmd.engine')
METRICS = _child('METRICS', 'mmcmd.evaluation')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'mmcmd.engine')

# Nothing of ours is in these; without them mmengine warns that it cannot search our scope.
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'mmcmd.models')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'mmaction.engine')  # where AAGCN's are
OPTIMIZERS = _child('OPTIMIZERS', 'mmcmd.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS', 'mmcmd.engine')
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS', 'mmcmd.engine')
LOG_PROCESSORS = _child('LOG_PROCESSORS', 'mmcmd.engine')
VISUALIZERS = _child('VISUALIZERS', 'mmcmd.visualization')
VISBACKENDS = _child('VISBACKENDS', 'mmcmd.visualization')

MODALITIES = Registry('modality', scope=SCOPE, locations=['mmcmd.models'])
"""What a skeleton can be seen as (joint, motion, bone): functions of a batch, on its device."""

CONVERTERS = Registry('converter', scope=SCOPE, locations=['mmcmd.datasets.converters'])
"""Raw data set formats that ``tools/data/convert.py`` reads, one class a format."""

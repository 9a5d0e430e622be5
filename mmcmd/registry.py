"""Registries of mmcmd: children of mmaction2's, which are children of mmengine's.

A type that mmcmd does not define is looked up in mmaction2 and then in mmengine, so configs name
``STGCN`` or ``PackActionInputs`` without a prefix as long as ``default_scope = 'mmcmd'``. A child
asks its parents only for what they hold already, so it imports mmaction2's components as well as
its own when it is first asked.
"""

from mmaction import registry as mmaction_registry
from mmengine.registry import Registry

SCOPE = 'mmcmd'


def _child(name: str, *locations: str) -> Registry:
    parent = getattr(mmaction_registry, name)
    return Registry(parent.name, parent=parent, scope=SCOPE, locations=list(locations))


MODELS = _child('MODELS', 'mmaction.models', 'mmcmd.models')
DATASETS = _child('DATASETS', 'mmaction.datasets', 'mmcmd.datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'mmcmd.datasets')
TRANSFORMS = _child('TRANSFORMS', 'mmaction.datasets', 'mmcmd.datasets')
HOOKS = _child('HOOKS', 'mmcmd.engine')
LOOPS = _child('LOOPS', 'mmcmd.engine')
METRICS = _child('METRICS', 'mmaction.evaluation', 'mmcmd.evaluation')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'mmcmd.engine')

# Nothing of ours is in these; without them mmengine warns that it cannot search our scope.
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'mmengine.model')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', 'mmaction.engine')  # where AAGCN's are
OPTIMIZERS = _child('OPTIMIZERS', 'mmengine.optim')
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS', 'mmengine.optim')
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS', 'mmengine.optim')
LOG_PROCESSORS = _child('LOG_PROCESSORS', 'mmengine.runner')
VISUALIZERS = _child('VISUALIZERS', 'mmengine.visualization')
VISBACKENDS = _child('VISBACKENDS', 'mmengine.visualization')

MODALITIES = Registry('modality', scope=SCOPE, locations=['mmcmd.models'])
"""What a skeleton can be seen as (joint, motion, bone): functions of a batch, on its device."""

CONVERTERS = Registry('converter', scope=SCOPE, locations=['mmcmd.datasets.converters'])
"""Raw data set formats that ``tools/data/convert.py`` reads, one class a format."""

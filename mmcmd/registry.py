"""Registries of mmcmd: children of mmaction2's, which are children of mmengine's.

A type that mmcmd does not define is looked up in mmaction2 and then in mmengine, so configs name
``STGCN`` or ``PackActionInputs`` without a prefix as long as ``default_scope = 'mmcmd'``.
"""

from mmaction import registry as mmaction_registry
from mmengine.registry import Registry

SCOPE = 'mmcmd'

MODELS = Registry('model', parent=mmaction_registry.MODELS, scope=SCOPE, locations=['mmcmd.models'])
DATASETS = Registry(
    'dataset', parent=mmaction_registry.DATASETS, scope=SCOPE, locations=['mmcmd.datasets']
)
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=mmaction_registry.DATA_SAMPLERS,
    scope=SCOPE,
    locations=['mmcmd.datasets'],
)
TRANSFORMS = Registry(
    'transform', parent=mmaction_registry.TRANSFORMS, scope=SCOPE, locations=['mmcmd.datasets']
)
HOOKS = Registry('hook', parent=mmaction_registry.HOOKS, scope=SCOPE, locations=['mmcmd.engine'])
LOOPS = Registry('loop', parent=mmaction_registry.LOOPS, scope=SCOPE, locations=['mmcmd.engine'])
METRICS = Registry(
    'metric', parent=mmaction_registry.METRICS, scope=SCOPE, locations=['mmcmd.evaluation']
)

MODALITIES = Registry('modality', scope=SCOPE, locations=['mmcmd.models'])
"""What a skeleton can be seen as (joint, motion, bone): functions of a batch, on its device."""

CONVERTERS = Registry('converter', scope=SCOPE, locations=['mmcmd.datasets.converters'])
"""Raw data set formats that ``tools/data/convert.py`` reads, one class a format."""

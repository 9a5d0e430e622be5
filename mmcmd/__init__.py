"""mmcmd: self-supervised 3D skeleton action representation learning on OpenMMLab.

Importing the package makes mmaction2's and its own components visible to the registries.
"""

import warnings

with warnings.catch_warnings():
    # mmcv-lite warns that it lacks `mmcv.ops`, which no skeleton code uses.
    warnings.filterwarnings('ignore', message='Fail to import', category=UserWarning)
    import mmaction.datasets
    import mmaction.evaluation
    import mmaction.models  # noqa: F401

from mmcmd import datasets, engine, evaluation, fileio, models  # noqa: F401
from mmcmd.version import __version__

__all__ = ['__version__']

"""mmcmd: self-supervised 3D skeleton action representation learning on OpenMMLab.

Importing the package loads neither its components nor mmaction2's: the registries in
:mod:`mmcmd.registry` do so when the first of a kind is asked for.
"""

import warnings

from mmcmd.version import __version__

# mmcv-lite says so of `mmcv.ops`, which no skeleton code uses.
warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``', UserWarning)

__all__ = ['__version__']

"""mmcmd: self-supervised 3D skeleton action representation learning on OpenMMLab.

Importing the package loads neither its components nor mmaction2's: the registries in
:mod:`mmcmd.registry` do so when the first of a kind is asked for, or a further one registered.
"""

from mmcmd.version import __version__

__all__ = ['__version__']

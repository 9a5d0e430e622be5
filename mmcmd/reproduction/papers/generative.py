"""LongT GAN, MS2L, P&C and AS-CAL: their rows are in the tables of CMD.

One training holds three modalities, which share nothing. The papers have the joint modality alone.
"""

from mmcmd.apis.config import configs_root
from mmcmd.reproduction.paper import Method

_CONFIGS = {
    'LongT GAN': 'configs/longtgan/longtgan.py',
    'MS2L': 'configs/ms2l/ms2l.py',
    'P&C': 'configs/pc/pc.py',
    'AS-CAL': 'configs/ascal/ascal.py',
}
NAMES = tuple(_CONFIGS)
METHODS = {
    name: Method(config, ['model.modalities=[joint,motion,bone]'])
    for name, config in _CONFIGS.items()
    if (configs_root().parent / config).is_file()
}
TABLES = {}

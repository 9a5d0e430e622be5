"""LongT GAN, MS2L, P&C and AS-CAL: their rows are in the tables of CMD.

One training holds three modalities, which share nothing. The papers have the joint modality alone.
"""

from mmcmd.reproduction.paper import Method

METHODS = {
    name: Method(f'configs/{folder}/{folder}.py', ['model.modalities=[joint,motion,bone]'])
    for name, folder in (
        ('LongT GAN', 'longtgan'),
        ('MS2L', 'ms2l'),
        ('P&C', 'pc'),
        ('AS-CAL', 'ascal'),
    )
}
TABLES = {}

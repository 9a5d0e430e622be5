"""LongT GAN, MS2L, P&C and AS-CAL. Their rows are in the tables of CMD.

One training has three modalities, which share no weights. The papers use only the joint modality.
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

"""PCM3 (ACM MM 2023, https://arxiv.org/abs/2308.03975). Here, one training has three streams."""

from mmcmd.reproduction.paper import Cell, Method, Table

METHODS = {'PCM3': Method('configs/pcm3/pcm3.py', ['model.modalities=[joint,motion,bone]'])}
_JOINT = dict(ntu60_xsub=83.9, ntu60_xview=90.4, ntu120_xsub=76.5, ntu120_xset=77.5)
_THREE = dict(ntu60_xsub=87.4, ntu60_xview=93.1, ntu120_xsub=80.0, ntu120_xset=81.2)
# The weights of the three streams are not in the released code. Here, they are averaged.
_PUBLISHED = {
    ('joint', 'USDRL, Table 1'): _JOINT | dict(pkummd2_xsub=51.5),
    ('3s', 'FoundSkelModel, linear evaluation'): _THREE | dict(pkummd2_xsub=58.2),
}

TABLES = {
    'pcm3': Table(
        'PCM3, linear evaluation',
        ['top-1'],
        {
            f'{stream} ({source})': [Cell('PCM3', 'linear_pcm3', stream, paper, source)]
            for (stream, source), paper in _PUBLISHED.items()
        },
    ),
}

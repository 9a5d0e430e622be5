"""ISC (ACM MM 2021, https://arxiv.org/abs/2108.03656). One training has three modalities.

The paper uses only the joint modality. The modalities share no weights, so the joint stream is the
same as in a training with only this modality.
"""

from mmcmd.reproduction.paper import Cell, Method, Table
from mmcmd.reproduction.protocols import KNN

METHODS = {'ISC': Method('configs/isc/isc.py', ['model.modalities=[joint,motion,bone]'])}
_SOURCE = "table in ISC's repository"
_LINEAR = dict(ntu60_xsub=76.3, ntu60_xview=85.2, ntu120_xsub=67.1, ntu120_xset=67.9)
_LINEAR |= dict(pkummd1_xsub=80.9, pkummd2_xsub=36.0)
_KNN = dict(ntu60_xsub=62.5, ntu60_xview=82.6, ntu120_xsub=50.6, ntu120_xset=52.3)

TABLES = {
    'isc': Table(
        'ISC, sequence encoder, contrasted with a graph encoder',
        ['linear', 'knn'],
        {
            'ISC, joint': [
                Cell('ISC', 'linear', 'joint', _LINEAR, _SOURCE),
                Cell('ISC', KNN, 'joint', _KNN, _SOURCE),
            ]
        },
        encoder='bigru_plain',
    ),
}

# CrosSCLR-B, a baseline in the paper of CMD (Sec. 4.3): the losses of CrosSCLR with the data,
# encoder and schedule of CMD. Its code was not released. In this config, all key encoders are
# updated, each stream has its own projection, and mining begins in the middle of the training.
_base_ = '../moco/moco.py'

model = dict(
    _delete_=True,
    type='CrosSCLR',
    modalities=('joint', 'motion', 'bone'),
    backbone=_base_.backbone,
    layout=_base_.data.get('map_to', _base_.data.layout),
    neck=_base_.model.neck,
    queue=_base_.model.queue,
    head=_base_.model.head,
    momentum=_base_.model.momentum,
    cross_epoch=225,
    shared_projection=False,
    cross_keys=None,
)
small = dict(model=dict(cross_epoch=9))

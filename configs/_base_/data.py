# The data set that --data names. A loader takes one of these two parts.
_base_ = './datasets/{{$DATA:ntu60_xsub}}.py'

__facts = {key: _base_.data[key] for key in ('ann_file', 'layout', 'num_classes')}
train_set = dict(split=f'{_base_.data.split}_train', **__facts)
val_set = dict(split=f'{_base_.data.split}_val', **__facts)

# The data set that --data names. A loader takes one of these two parts.
_base_ = './datasets/{{$DATA:ntu60_xsub}}.py'

__names = ('ann_file', 'layout', 'map_to', 'map_joints', 'num_classes')
__facts = {key: _base_.data[key] for key in __names if key in _base_.data}
train_set = dict(split=f'{_base_.data.split}_train', **__facts)
val_set = dict(split=f'{_base_.data.split}_val', **__facts)

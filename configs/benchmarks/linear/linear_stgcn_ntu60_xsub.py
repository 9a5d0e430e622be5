_base_ = [
    '../../_base_/datasets/ntu60_xsub.py',
    '../../_base_/models/linear_stgcn.py',
    '../../_base_/schedules/linear.py',
]
train_dataloader = dict(dataset={{_base_.train_set}})
val_dataloader = test_dataloader = dict(dataset={{_base_.val_set}})

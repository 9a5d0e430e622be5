# The recurrent encoder of ISC and others: as in bigru.py, without the BatchNorm of the input.
_base_ = './bigru.py'
backbone = dict(with_norm=False)

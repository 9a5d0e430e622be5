# The recurrent encoder of ISC and others: that of bigru.py without the BatchNorm of the input.
_base_ = './bigru.py'
backbone = dict(with_norm=False)

# The whole network is trained.
_base_ = '../linear/linear_bigru_syntheticpku_xsub.py'
model = dict(frozen=False)
optim_wrapper = dict(optimizer=dict(lr=0.01))

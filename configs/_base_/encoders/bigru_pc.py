# The encoder of P&C (its PyTorch program): that of CMD without BatchNorm, for one person.
backbone = dict(
    type='BiGRU',
    hidden_size=1024,
    num_layers=3,
    mode='stepwise',
    readout='last',  # the last valid frame
    num_person=1,
    with_norm=False,
)
small = dict(model=dict(backbone=dict(hidden_size=128)))

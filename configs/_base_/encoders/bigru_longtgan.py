# The encoder of LongT GAN: two layers of 400 units in each direction, for one person. Its cells
# have tanh, not the ReLU of the paper. Both directions run forward in time, as in P&C's program.
backbone = dict(
    type='BiGRU',
    hidden_size=400,
    num_layers=2,
    mode='stepwise',
    readout='last',
    num_person=1,
    with_norm=False,
)
small = dict(model=dict(backbone=dict(hidden_size=128)))

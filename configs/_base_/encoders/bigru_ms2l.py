# The encoder of MS2L: a bidirectional GRU, two layers of 300 units in each direction, no BatchNorm.
backbone = dict(
    type='BiGRU',
    mode='bidirectional',
    readout='ends',
    hidden_size=300,
    num_layers=2,
    with_norm=False,
    order='cvm',
    rnn_init='orthogonal',
)
small = dict(model=dict(backbone=dict(hidden_size=128)))

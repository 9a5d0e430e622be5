# The LSTM of AS-CAL: one layer, one direction, 256 units, no BatchNorm.
backbone = dict(
    type='LSTM', hidden_size=256, num_layers=1, with_norm=False, order='cvm', rnn_init='uniform'
)
small = dict(model=dict(backbone=dict(hidden_size=128)))

backbone = dict(type='LSTM', hidden_size=1024, num_layers=3, readout='last')
small = dict(model=dict(backbone=dict(hidden_size=128)))

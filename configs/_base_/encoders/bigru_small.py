# For small data on a CPU.
backbone = dict(
    type='BiGRU', hidden_size=128, num_layers=3, mode='bidirectional', readout='ends', num_person=2
)

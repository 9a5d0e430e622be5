# One bidirectional layer, and the mean over time. It learns from a few hundred sequences, and in a
# few minutes on a CPU.
backbone = dict(
    type='BiGRU', hidden_size=128, num_layers=1, mode='bidirectional', readout='mean', num_person=2
)

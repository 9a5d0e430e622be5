# One bidirectional layer, and the mean over time. A few hundred sequences and a few minutes on a
# CPU are enough to train it.
backbone = dict(
    type='BiGRU', hidden_size=128, num_layers=1, mode='bidirectional', readout='mean', num_person=2
)

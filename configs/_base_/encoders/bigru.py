# Sec. 4.1 of CMD: three layers of 1024 units in each direction. The published numbers were measured
# with mode='stepwise'. The text of the paper describes mode='bidirectional'.
backbone = dict(
    type='BiGRU', hidden_size=1024, num_layers=3, mode='stepwise', readout='last', num_person=2
)
small = dict(model=dict(backbone=dict(hidden_size=128, mode='bidirectional', readout='ends')))

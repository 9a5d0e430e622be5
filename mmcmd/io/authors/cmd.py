"""Tensor names in the checkpoints of CMD's released pre-training (with ``--mlp``)."""

NAMES = (
    (r'encoder\.gru\.(.+)', r'encoders.{}.backbone.rnn.\1'),
    (r'input_norm\.(.+)', r'encoders.{}.backbone.input_norm.\1'),
    (r'fc\.0\.(.+)', r'necks.{}.hidden.\1'),
    (r'fc\.2\.(.+)', r'necks.{}.out.\1'),
)
"""Pairs of a released name (below ``encoder_q.``) and our name. ``{}`` stands for the stream."""

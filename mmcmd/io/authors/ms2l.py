"""Tensor names in checkpoints of MS2L. The released file holds only the encoder."""

_HEADS = tuple(
    (rf'{theirs}_head\.classifier\.{layer}\.(.+)', rf'{ours}_heads.{{}}.{part}.\1')
    for theirs, ours in (('jigsaw', 'jigsaw'), ('contra', 'contrast'))
    for layer, part in ((0, 'hidden'), (1, 'norm'), (3, 'out'))
)
NAMES = (
    (r'(?:encoder\.)?gru\.(.+)', r'encoders.{}.backbone.rnn.\1'),
    (r'motion_head\.decoder\.(.+)', r'decoders.{}.rnn.\1'),
    (r'motion_head\.reconstruction\.(.+)', r'decoders.{}.out.\1'),
    *_HEADS,
)
"""Pairs of a released name and our name. ``{}`` stands for the stream."""

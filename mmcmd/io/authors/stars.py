"""Tensor names in checkpoints of STARS, which has the encoder of MAMP."""

from mmcmd.io.authors.mamp import encoder_names

_PREFIX = r'encoder_student\.'
NAMES = (
    *encoder_names(_PREFIX),
    (rf'{_PREFIX}head\.projector\.0\.(.+)', r'necks.{}.projector.\1'),
    (rf'{_PREFIX}head\.predictor\.(.+)', r'necks.{}.predictor.\1'),
    (r'queue(_ptr)?', r'queues.{}.queue\1'),
    (r'queue_id', r'queues.{}.ids'),
)
"""Pairs of a released name and our name. ``{}`` stands for the stream."""

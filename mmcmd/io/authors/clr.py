"""Tensor names in the checkpoints that SkeletonCLR, CrosSCLR and AimCLR released."""

from mmcmd.io.authors import stgcn

ADJACENCY = 'backbone.A'
"""End of the adjacency's name, before :func:`stgcn.spread_adjacency` copies it to the blocks."""

_BACKBONE = (
    *((theirs, f'encoders.{{}}.backbone.{ours}') for theirs, ours in stgcn.NAMES),
    (r'A', f'encoders.{{}}.{ADJACENCY}'),
)
NAMES = (
    *_BACKBONE,
    (r'fc\.0\.(weight|bias)', r'necks.{}.hidden.\1'),
    (r'fc\.2\.(weight|bias)', r'necks.{}.out.\1'),
)
"""Pairs of a released name (below ``encoder_q.``) and our name. ``{}`` stands for the stream."""

SHARED = (
    *_BACKBONE,
    (r'fc\.0\.(weight|bias)', r'necks.{}.0.\1'),
    (r'fc\.2\.0\.(weight|bias)', r'necks.{}.2.hidden.\1'),
    (r'fc\.2\.2\.(weight|bias)', r'necks.{}.2.out.\1'),
)
"""Such pairs for the later streams of CrosSCLR. Their neck ends with the neck of the first one."""

"""Names in checkpoints that SkeletonCLR, CrosSCLR and AimCLR released."""

from mmcmd.io.authors import stgcn

ADJACENCY = 'backbone.A'
"""End of the name of the adjacency, until :func:`stgcn.spread_adjacency` moves it."""

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
"""The same for the later streams of CrosSCLR, which repeat the projection of the first one."""

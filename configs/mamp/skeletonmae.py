# SkeletonMAE as the baseline of MAMP's authors: random tokens are removed, and their joints are
# predicted. Published tables name another program SkeletonMAE.
_base_ = './mamp.py'

model = dict(
    masking=dict(_delete_=True, type='RandomTokenMask', ratio=0.9),
    target=dict(_delete_=True, type='JointTarget'),
)

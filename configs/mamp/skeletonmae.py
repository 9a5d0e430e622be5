# SkeletonMAE in the version of MAMP's authors, who use it as a baseline: random tokens are removed,
# and their joints are predicted. In published tables, SkeletonMAE is another program.
_base_ = './mamp.py'

model = dict(
    masking=dict(_delete_=True, type='RandomTokenMask', ratio=0.9),
    target=dict(_delete_=True, type='JointTarget'),
)

# CrosSCLR (CVPR 2021, https://arxiv.org/abs/2104.14466): 150 epochs of SkeletonCLR, then 150 epochs
# with mining across streams. As in the released code, the streams share a projection, and in the
# second phase only the key encoder of motion is updated. To follow the paper in both points, set
# model.shared_projection=False model.cross_keys=None.
_base_ = '../skeletonclr/skeletonclr.py'

model = dict(type='CrosSCLR', cross_epoch=150, topk=1, context=True)
small = dict(model=dict(cross_epoch=9))

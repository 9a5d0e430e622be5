# Nearest neighbours of raw coordinates by dynamic time warping, without encoder and training. For
# the Euclidean distance set test_evaluator.band=0. It needs pip install 'mmcmd[baselines]'.
# python tools/test.py configs/baselines/time_warping.py --data DATA
_base_ = '../benchmarks/knn.py'

model = dict(backbone=dict(_delete_=True, type='RawCoordinates', clip_len=_base_.clip_len))
test_evaluator = dict(_delete_=True, type='TimeWarpingMetric', band=0.1)
# All frames are kept, because there is no training that they would make slower.
small = dict(
    _delete_=True,
    test_dataloader=dict(num_workers=1),
    test_cfg=dict(gallery_dataloader=dict(num_workers=1)),
)

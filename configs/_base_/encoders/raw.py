# No encoder: the coordinates themselves, as the test pipeline gives them. A baseline:
# python tools/test.py configs/benchmarks/knn.py --encoder raw
# python tools/train.py configs/benchmarks/linear.py --pretrained random --encoder raw
backbone = dict(type='RawCoordinates', clip_len=64)
small = dict(model=dict(backbone=dict(clip_len=16)))

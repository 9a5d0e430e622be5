# A baseline without an encoder: the features are the coordinates after the test pipeline.
# python tools/test.py configs/benchmarks/knn.py --encoder raw
# python tools/train.py configs/benchmarks/linear.py --pretrained random --encoder raw
backbone = dict(type='RawCoordinates', clip_len=64)
small = dict(model=dict(backbone=dict(clip_len=16)))

# The evaluation of P&C: an autoencoder is trained on the training features, and nearest neighbours
# compare its codes. The authors chose k = 9 for x-sub on the test set.
# python tools/test.py configs/benchmarks/knn_pc.py CHECKPOINT
_base_ = './knn.py'

test_evaluator = dict(
    k=1 if _base_.data.split == 'xview' else 9, autoencoder=dict(widths=(1024, 512, 125))
)

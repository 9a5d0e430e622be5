# Linear evaluation for small data, on whitened features: the covariance of the training features is
# measured once, and no direction has more variance than another. It is better than linear_small.py
# for trained encoders, and worse for raw coordinates (docs/small_data.md).
# python tools/train.py configs/benchmarks/linear_whitened.py --pretrained CHECKPOINT
_base_ = './linear_small.py'

model = dict(head=dict(with_norm=False, whiten=0.1))
optim_wrapper = dict(optimizer=dict(weight_decay=0.02))

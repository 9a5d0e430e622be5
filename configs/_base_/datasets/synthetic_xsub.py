# SYNTHETIC stand-in data: no accuracy on it says anything about NTU RGB+D.
# python tools/data/make_synthetic.py data/synthetic
# python tools/data/convert.py ntu data/synthetic --out data/synthetic.pkl
data = dict(
    name='synthetic_xsub',
    ann_file='data/synthetic.pkl',
    split='xsub',
    layout='ntu',
    num_classes=16,
    small=True,
)

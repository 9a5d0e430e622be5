# SYNTHETIC stand-in data: no accuracy on it says anything about NTU RGB+D.
# python tools/data/make_synthetic.py data/synthetic
# python tools/data/convert.py ntu data/synthetic --out data/synthetic.pkl
num_classes = 16
layout = 'ntu'
train_set = dict(
    ann_file='data/synthetic.pkl', split='xsub_train', layout='ntu', clip_len=16, num_classes=16
)
val_set = dict(
    ann_file='data/synthetic.pkl', split='xsub_val', layout='ntu', clip_len=16, num_classes=16
)

# SYNTHETIC stand-in data in the files of PKU-MMD, to transfer to; other performers than "synthetic"
# python tools/data/make_synthetic.py data/syntheticpku --format pkummd --seed 1
# python tools/data/convert.py pkummd data/syntheticpku --out data/syntheticpku.pkl
num_classes = 16
layout = 'ntu'
train_set = dict(
    ann_file='data/syntheticpku.pkl', split='xsub_train', layout='ntu', clip_len=16, num_classes=16
)
val_set = dict(
    ann_file='data/syntheticpku.pkl', split='xsub_val', layout='ntu', clip_len=16, num_classes=16
)

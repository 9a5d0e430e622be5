# PKU-MMD II
# python tools/data/convert.py pkummd FOLDER --out data/pkummd2.pkl
num_classes = 51
layout = 'ntu'
train_set = dict(
    ann_file='data/pkummd2.pkl', split='xsub_train', layout='ntu', clip_len=64, num_classes=51
)
val_set = dict(
    ann_file='data/pkummd2.pkl', split='xsub_val', layout='ntu', clip_len=64, num_classes=51
)

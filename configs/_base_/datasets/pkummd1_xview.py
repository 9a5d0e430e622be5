# PKU-MMD I
# python tools/data/convert.py pkummd FOLDER --out data/pkummd1.pkl
num_classes = 51
layout = 'ntu'
train_set = dict(
    ann_file='data/pkummd1.pkl', split='xview_train', layout='ntu', clip_len=64, num_classes=51
)
val_set = dict(
    ann_file='data/pkummd1.pkl', split='xview_val', layout='ntu', clip_len=64, num_classes=51
)

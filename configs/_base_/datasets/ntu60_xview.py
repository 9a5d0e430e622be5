# NTU RGB+D 60
# python tools/data/convert.py ntu FOLDER --actions 1-60 --out data/ntu60.pkl
num_classes = 60
layout = 'ntu'
train_set = dict(
    ann_file='data/ntu60.pkl', split='xview_train', layout='ntu', clip_len=64, num_classes=60
)
val_set = dict(
    ann_file='data/ntu60.pkl', split='xview_val', layout='ntu', clip_len=64, num_classes=60
)

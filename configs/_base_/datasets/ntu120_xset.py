# NTU RGB+D 120
# python tools/data/convert.py ntu FOLDER --out data/ntu120.pkl
num_classes = 120
layout = 'ntu'
train_set = dict(
    ann_file='data/ntu120.pkl', split='xset_train', layout='ntu', clip_len=64, num_classes=120
)
val_set = dict(
    ann_file='data/ntu120.pkl', split='xset_val', layout='ntu', clip_len=64, num_classes=120
)

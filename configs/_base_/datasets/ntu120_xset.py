# NTU RGB+D 120, cross-setup (odd setups test): 54,468 sequences train, 59,477 test.
# python tools/data/convert.py ntu SKELETON_FOLDER --out data/ntu120.pkl
num_classes = 120
layout = 'ntu'
num_joints = 25
train_set = dict(ann_file='data/ntu120.pkl', split='xset_train', layout='ntu', num_classes=120)
val_set = dict(ann_file='data/ntu120.pkl', split='xset_val', layout='ntu', num_classes=120)

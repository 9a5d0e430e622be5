# NTU RGB+D 120, cross-subject: 63,026 sequences train, 50,919 test.
# python tools/data/convert.py ntu SKELETON_FOLDER --out data/ntu120.pkl
num_classes = 120
layout = 'ntu'
num_joints = 25
train_set = dict(ann_file='data/ntu120.pkl', split='xsub_train', layout='ntu', num_classes=120)
val_set = dict(ann_file='data/ntu120.pkl', split='xsub_val', layout='ntu', num_classes=120)

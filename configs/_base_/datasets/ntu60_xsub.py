# NTU RGB+D 60, cross-subject: 40,091 sequences train, 16,487 test.
# python tools/data/convert.py ntu SKELETON_FOLDER --out data/ntu60.pkl
num_classes = 60
layout = 'ntu'
num_joints = 25
train_set = dict(ann_file='data/ntu60.pkl', split='xsub_train', layout='ntu', num_classes=60)
val_set = dict(ann_file='data/ntu60.pkl', split='xsub_val', layout='ntu', num_classes=60)

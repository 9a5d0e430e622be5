# NTU RGB+D 60, cross-view (camera 1 tests): 37,646 sequences train, 18,932 test.
# python tools/data/convert.py ntu SKELETON_FOLDER --out data/ntu60.pkl
num_classes = 60
layout = 'ntu'
num_joints = 25
train_set = dict(ann_file='data/ntu60.pkl', split='xview_train', layout='ntu', num_classes=60)
val_set = dict(ann_file='data/ntu60.pkl', split='xview_val', layout='ntu', num_classes=60)

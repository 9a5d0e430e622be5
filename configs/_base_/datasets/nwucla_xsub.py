# Northwestern-UCLA, ten actions
# python tools/data/convert.py nwucla FOLDER --out data/nwucla.pkl
num_classes = 10
layout = 'kinect_v1'
train_set = dict(
    ann_file='data/nwucla.pkl', split='xsub_train', layout='kinect_v1', clip_len=64, num_classes=10
)
val_set = dict(
    ann_file='data/nwucla.pkl', split='xsub_val', layout='kinect_v1', clip_len=64, num_classes=10
)

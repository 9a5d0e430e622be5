# UTD-MHAD, 27 actions; odd subjects train
# python tools/data/convert.py utdmhad FOLDER --out data/utdmhad.pkl
num_classes = 27
layout = 'kinect_v1'
train_set = dict(
    ann_file='data/utdmhad.pkl', split='xsub_train', layout='kinect_v1', clip_len=64, num_classes=27
)
val_set = dict(
    ann_file='data/utdmhad.pkl', split='xsub_val', layout='kinect_v1', clip_len=64, num_classes=27
)

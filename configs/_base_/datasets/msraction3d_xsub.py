# MSR-Action3D, 20 actions; the odd subjects are for training
# python tools/data/convert.py msraction3d FOLDER --valid LIST --out data/msraction3d.pkl
data = dict(
    name='msraction3d_xsub',
    ann_file='data/msraction3d.pkl',
    split='xsub',
    layout='kinect_v1',
    num_classes=20,
    num_person=1,
    small=True,
)

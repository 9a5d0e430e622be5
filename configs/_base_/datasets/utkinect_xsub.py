# UTKinect-Action3D, ten actions; the odd subjects are for training
# python tools/data/convert.py utkinect FOLDER --out data/utkinect.pkl
data = dict(
    name='utkinect_xsub',
    ann_file='data/utkinect.pkl',
    split='xsub',
    layout='kinect_v1',
    num_classes=10,
    num_person=1,
    small=True,
)

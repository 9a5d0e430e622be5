# UTD-MHAD, 27 actions; the odd subjects are for training
# python tools/data/convert.py utdmhad FOLDER --out data/utdmhad.pkl
data = dict(
    name='utdmhad_xsub',
    ann_file='data/utdmhad.pkl',
    split='xsub',
    layout='kinect_v1',
    num_classes=27,
    num_person=1,
    small=True,
)

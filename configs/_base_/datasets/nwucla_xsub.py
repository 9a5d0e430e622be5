# Northwestern-UCLA, ten actions
# python tools/data/convert.py nwucla FOLDER --out data/nwucla.pkl
data = dict(
    name='nwucla_xsub',
    ann_file='data/nwucla.pkl',
    split='xsub',
    layout='kinect_v1',
    num_classes=10,
    num_person=1,
    small=True,
)

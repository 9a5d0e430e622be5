# SYNTHETIC stand-in data in the file format of PKU-MMD, with other performers than "synthetic". It
# is a target for transfer from "synthetic".
# python tools/data/make_synthetic.py data/syntheticpku --format pkummd --seed 1
# python tools/data/convert.py pkummd data/syntheticpku --out data/syntheticpku.pkl
data = dict(
    name='syntheticpku_xsub',
    ann_file='data/syntheticpku.pkl',
    split='xsub',
    layout='ntu',
    num_classes=16,
    small=True,
)

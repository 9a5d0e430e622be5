# PKU-MMD II
# python tools/data/convert.py pkummd FOLDER --out data/pkummd2.pkl
data = dict(
    name='pkummd2_xview',
    ann_file='data/pkummd2.pkl',
    split='xview',
    layout='ntu',
    num_classes=51,
)

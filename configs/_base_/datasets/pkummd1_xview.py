# PKU-MMD I
# python tools/data/convert.py pkummd FOLDER --out data/pkummd1.pkl
data = dict(
    name='pkummd1_xview',
    ann_file='data/pkummd1.pkl',
    split='xview',
    layout='ntu',
    num_classes=51,
)

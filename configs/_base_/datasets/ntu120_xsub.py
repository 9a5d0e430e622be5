# NTU RGB+D 120
# python tools/data/convert.py ntu FOLDER --out data/ntu120.pkl
data = dict(
    name='ntu120_xsub',
    ann_file='data/ntu120.pkl',
    split='xsub',
    layout='ntu',
    num_classes=120,
    licence='academic research only, on request to the ROSE Lab of NTU Singapore',
)

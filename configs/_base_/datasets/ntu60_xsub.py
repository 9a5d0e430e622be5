# NTU RGB+D 60
# python tools/data/convert.py ntu FOLDER --actions 1-60 --out data/ntu60.pkl
data = dict(
    name='ntu60_xsub',
    ann_file='data/ntu60.pkl',
    split='xsub',
    layout='ntu',
    num_classes=60,
    licence='academic research only, on request to the ROSE Lab of NTU Singapore',
)

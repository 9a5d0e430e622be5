# Bandai-Namco-Research-Motiondataset-2 (CC BY-NC 4.0), 15 fps: five styles for training, two for
# testing.
# python tools/data/convert.py bandai2 bandai2_15fps.npz --out data/bandai2.pkl
# Clips have a second person of zeros, as in the tables of docs/results. With data.num_person=1 in
# --cfg-options they have one person, and graph encoders and transformers are faster.
data = dict(
    name='bandai2_xstyle',
    ann_file='data/bandai2.pkl',
    split='xstyle',
    layout='bandai2',
    num_classes=10,
    licence='CC BY-NC 4.0',
    small=True,
)

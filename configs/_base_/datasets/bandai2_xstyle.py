# Bandai-Namco-Research-Motiondataset-2 (CC BY-NC 4.0), 15 fps: five styles train, two test.
# python tools/data/convert.py bandai2 bandai2_15fps.npz --out data/bandai2.pkl
num_classes = 10
layout = 'bandai2'
train_set = dict(
    ann_file='data/bandai2.pkl', split='xstyle_train', layout='bandai2', clip_len=16, num_classes=10
)
val_set = dict(
    ann_file='data/bandai2.pkl', split='xstyle_val', layout='bandai2', clip_len=16, num_classes=10
)

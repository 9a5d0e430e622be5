# The frozen encoders see a few random crops of each sequence once, not a new one in every epoch.
_base_ = './linear_bigru_synthetic_xsub.py'
train_cfg = dict(type='CachedFeatureLoop')

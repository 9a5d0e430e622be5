# The data of P&C: the first person, with one rotation for the whole sequence, scaled to [-1, 1]; at
# most 50 frames, padded with zeros. The source must have raw coordinates. There is no augmentation.
_base_ = './pack.py'
clip_len = 50
frames = [
    dict(type='FirstPersons', num_person=1),
    dict(type='ViewInvariant'),
    dict(type='StrideFrames'),
    dict(type='PadFrames'),
]

# The data of P&C: the first person, turned once for the whole sequence, in [-1, 1]; at most 50
# frames, padded with zeros. It needs raw coordinates. No augmentation.
_base_ = './pack.py'
clip_len = 50
frames = [
    dict(type='FirstPersons', num_person=1),
    dict(type='ViewInvariant'),
    dict(type='StrideFrames'),
    dict(type='PadFrames'),
]

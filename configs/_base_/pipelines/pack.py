# How a sequence becomes a clip, and a sample of a batch, in every data family.
as_clip = dict(type='FormatGCNInput', num_person=2)
# A message about a batch names its samples; `sample_idx` is for methods that compare samples.
pack = dict(type='PackActionInputs', meta_keys=('frame_dir', 'sample_idx', 'valid_frames'))

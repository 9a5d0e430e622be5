# The steps that make a clip, and a sample of a batch, in every data family.
as_clip = dict(type='FormatGCNInput', num_person=2)
# `frame_dir` names a sample in messages. `sample_idx` is for methods that compare samples.
pack = dict(type='PackActionInputs', meta_keys=('frame_dir', 'sample_idx', 'valid_frames'))

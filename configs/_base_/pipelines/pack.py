# The steps that make a clip and a sample of a batch. All pipelines use them.
as_clip = dict(type='FormatGCNInput', num_person=2)
# Messages name a sample by its `frame_dir`. Methods that compare samples need `sample_idx`.
pack = dict(type='PackActionInputs', meta_keys=('frame_dir', 'sample_idx', 'valid_frames'))

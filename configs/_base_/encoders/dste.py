# The dense encoder of USDRL (AAAI 2025): transformers over frames and over joints, width 1024. The
# clip has 64 frames and two persons.
backbone = dict(
    type='SpatioTemporalTransformer', clip_len=64, num_person=2, hidden_size=1024, dense=True
)
small = dict(model=dict(backbone=dict(clip_len=16, hidden_size=128)))

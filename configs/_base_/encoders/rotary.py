# The encoder of SLiM (arXiv 2603.10648): 8 blocks of width 256 with a class token and rotary codes
# of time; a token is 8 frames of a joint. patch_frames must divide the frames of a clip.
backbone = dict(
    type='RotaryTransformer', clip_len=64, patch_frames=8, embed_dims=256, depth=8, num_heads=8
)
small = dict(
    model=dict(backbone=dict(clip_len=16, patch_frames=2, embed_dims=64, depth=4, num_heads=4))
)

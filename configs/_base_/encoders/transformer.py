# The encoder of MAMP (ICCV 2023) and STARS: 8 blocks of width 256; a token is 4 frames of a joint.
# patch_frames must divide the number of frames of a clip: use 2 or 5 for 50 frames.
backbone = dict(
    type='SkeletonTransformer', clip_len=120, patch_frames=4, embed_dims=256, depth=8, num_heads=8
)
small = dict(
    model=dict(backbone=dict(clip_len=16, patch_frames=2, embed_dims=64, depth=4, num_heads=4))
)

"""Configs of encoders at a small width."""


def tiny_encoder(backbone):
    """Return the config of an encoder at a small width, for clips of 8 frames."""
    if 'dense' in backbone:
        return {**backbone, 'hidden_size': 4, 'clip_len': 8}
    if 'hidden_size' in backbone:
        return {**backbone, 'hidden_size': 4, 'num_layers': 2}
    if 'hidden_channels' in backbone:
        return {**backbone, 'hidden_channels': 4, 'hidden_dim': 6}
    if 'embed_dims' in backbone:
        sizes = {'embed_dims': 8, 'depth': 2, 'num_heads': 2, 'patch_frames': 4}
        return {**backbone, **sizes, 'clip_len': 8}
    return {**backbone, 'base_channels': 6, 'num_stages': 2, 'inflate_stages': [2]}

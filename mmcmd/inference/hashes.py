"""Hashes that identify encoders."""

import hashlib
import json

from mmcmd.inference.checkpoints import Recipe
from mmcmd.models import StreamModel


def stream_hashes(model: StreamModel, recipe: Recipe) -> dict[str, str]:
    """Return a hash for each stream, made of its weights, joints, clip length and pipeline.

    An encoder has the same hash in the checkpoint of its training, in a published checkpoint and in
    a classifier on frozen encoders. Features of encoders with different hashes cannot be compared.

    Args:
        model (StreamModel): Its weights may be on any device.
        recipe (Recipe): How its inputs are made.

    Returns:
        dict[str, str]: 16 hex digits by stream.
    """
    layout = {key: x for key, x in recipe.layout.to_dict().items() if key in ('joints', 'parents')}
    inputs = json.dumps([layout, recipe.clip_len, recipe.pipeline], sort_keys=True, default=str)
    hashes = {}
    for stream in model.evaluated_streams:
        digest = hashlib.sha256(inputs.encode())
        for name, tensor in sorted(model.encoders[stream].state_dict().items()):
            digest.update(f'{name} {tuple(tensor.shape)}'.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy())
        hashes[stream] = digest.hexdigest()[:16]
    return hashes

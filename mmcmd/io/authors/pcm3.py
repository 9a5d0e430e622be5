"""Tensor names in the checkpoints that PCM3 released. Its encoders have the names of CMD."""

from collections.abc import Collection, Mapping

from torch import Tensor

NAMES = (
    (r'linear\.(.+)', r'decoders.{}.bottleneck.\1'),
    (r'recons_decoder\.decoder\.(.+)', r'decoders.{}.rnn.\1'),
    (r'recons_decoder\.reconstruction\.(.+)', r'decoders.{}.out.\1'),
    (r'cl_prompt', r'prompts.{}.contrast'),
    (r'mp_prompt', r'prompts.{}.decode'),
    (r'(base|mask|recons|mix)_prompt', r'prompts.{}.\1'),
)
"""Pairs of a released name outside of the encoders and our name. ``{}`` stands for the stream."""


def drop_unused_prompts(state: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """Leave out the prompts that a model does not have.

    The released code saves prompts even if it does not train with them.

    Args:
        state (Mapping[str, Tensor]): State of the checkpoint, with our names.
        names (Collection[str]): Names of the tensors of the model.
    """
    return {x: y for x, y in state.items() if not x.startswith('prompts.') or x in names}

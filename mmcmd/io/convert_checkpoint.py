import re
from collections.abc import Mapping

from torch import Tensor

from mmcmd.errors import InputError

# The authors' three copies: no suffix for joint, then `_motion` and `_bone`.
_KEYS = (
    (r'encoder_q(?:_(\w+?))?\.encoder\.gru\.(.+)', 'encoders.{}.backbone.rnn.{}'),
    (r'encoder_q(?:_(\w+?))?\.input_norm\.(.+)', 'encoders.{}.backbone.input_norm.{}'),
    (r'encoder_q(?:_(\w+?))?\.fc\.0\.(.+)', 'necks.{}.hidden.{}'),
    (r'encoder_q(?:_(\w+?))?\.fc\.2\.(.+)', 'necks.{}.out.{}'),
)
_QUEUE = r'queue(_ptr)?(?:_(joint|motion|bone))?'


def rename_authors_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the authors' pre-training state to that of :class:`mmcmd.models.CMD`.

    Args:
        state (Mapping[str, Tensor]): Keys such as ``encoder_q_motion.encoder.gru.weight_ih_l0``,
            ``encoder_k.fc.2.bias``, ``queue_bone``; a ``module.`` before them is dropped.

    Returns:
        dict[str, Tensor]: The same tensors.

    Raises:
        InputError: If a key is none of theirs.
    """
    renamed = {}
    for key, tensor in state.items():
        name = key.removeprefix('module.')
        ours = _rename(name.replace('encoder_k', 'encoder_q', 1))
        if ours is None:
            raise InputError(
                f"{key!r} is not a tensor of the authors' CMD pre-training with --mlp; "
                'give the checkpoint that their pre-training script wrote'
            )
        renamed[f'key_{ours}' if name.startswith('encoder_k') else ours] = tensor
    return renamed


def _rename(name: str) -> str | None:
    """Return our name of a query's tensor or of a queue, None if it is none of theirs."""
    if match := re.fullmatch(_QUEUE, name):
        return f'queues.{match[2] or "joint"}.queue{match[1] or ""}'
    for pattern, ours in _KEYS:
        if match := re.fullmatch(pattern, name):
            return ours.format(match[1] or 'joint', match[2])
    return None

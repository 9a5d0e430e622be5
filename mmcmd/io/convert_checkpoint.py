import re
from collections.abc import Mapping

from torch import Tensor

from mmcmd.errors import InputError

# The authors' three copies: no suffix for joint, then `_motion` and `_bone`.
_KEYS = (
    (r'encoder_q(?:_(\w+?))?\.(.+)', 'query_encoders.{}.{}'),
    (r'encoder_k(?:_(\w+?))?\.(.+)', 'key_encoders.{}.{}'),
    (r'queue_ptr(?:_(\w+))?()', 'heads.{}.queue_ptr{}'),
    (r'queue(?:_(\w+))?()', 'heads.{}.queue{}'),
)
_PARTS = (
    ('encoder.gru.', 'backbone.rnn.'),
    ('input_norm.', 'backbone.input_norm.'),
    ('fc.0.', 'neck.hidden.'),
    ('fc.2.', 'neck.out.'),
)


def _rename_part(name: str) -> str | None:
    for theirs, ours in _PARTS:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return None if name else ''


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
        for pattern, ours in _KEYS:
            match = re.fullmatch(pattern, name)
            part = _rename_part(match[2]) if match else None
            if part is not None:
                renamed[ours.format(match[1] or 'joint', part)] = tensor
                break
        else:
            raise InputError(
                f"{key!r} is not a tensor of the authors' CMD pre-training with --mlp; "
                'give the checkpoint that their pre-training script wrote'
            )
    return renamed

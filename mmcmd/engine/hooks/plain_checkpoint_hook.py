from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import BaseLoop, Runner
from torch import nn

from mmcmd.engine.loops import ResumableEpochLoop
from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import (
    ENCODERS,
    ENCODERS_ONLY,
    USES,
    check_architecture,
    keep_encoders,
    needed,
)
from mmcmd.io.encoders import check_persons, describe
from mmcmd.models.pretrainers import BasePretrainer
from mmcmd.registry import HOOKS


def to_plain(value: Any) -> Any:
    """Turn numpy values inside containers into tensors and Python numbers."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_plain(item) for item in value)
    return value


def reorder_optimizer(checkpoint: dict, model: nn.Module) -> None:
    """Bring the state of the optimiser into the order of the model's parameters.

    torch numbers the parameters of an optimiser. In a checkpoint of an earlier version, the
    parameters have another order: that of its tensors.

    Args:
        checkpoint (dict): Its ``optimizer`` is changed in place if the order differs.
        model (nn.Module): The model that is resumed.
    """
    names = [name for name, _ in model.named_parameters()]
    saved = [name for name in checkpoint['state_dict'] if name in set(names)]
    optimizer = checkpoint['optimizer']
    groups = optimizer.get('param_groups', ())
    if saved == names or len(groups) != 1 or len(groups[0]['params']) != len(names):
        return
    position = {name: index for index, name in enumerate(names)}
    optimizer['state'] = {position[saved[i]]: x for i, x in optimizer['state'].items()}


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Keep checkpoints plain data, so that ``torch.load(weights_only=True)`` can load them.

    mmengine pickles its log buffers as objects, which torch >= 2.6 refuses (mmengine#1655). They
    are saved as tensors and rebuilt after loading. The loop's position in the epoch is saved
    with them. A checkpoint of another architecture is refused. mmengine would load a part of it and
    only warn.
    """

    priority = 'VERY_LOW'

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace log buffers by tensors and add the loop's state."""
        if isinstance(runner.train_loop, ResumableEpochLoop):
            checkpoint['loop'] = runner.train_loop.state_dict()
        hub = checkpoint['message_hub']
        hub['log_scalars'] = {
            name: [torch.from_numpy(part) for part in buffer.data]
            for name, buffer in hub['log_scalars'].items()
        }
        hub['runtime_info'] = to_plain(hub['runtime_info'])
        checkpoint['meta'] = to_plain(checkpoint['meta'])
        checkpoint['meta'] |= describe(unwrapped_model(runner), runner.cfg)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Rebuild the log buffers and check that the weights are this model's."""
        source = runner._load_from or 'the checkpoint'
        if runner._resume and not {'message_hub', 'optimizer'} <= checkpoint.keys():
            if all(name.startswith(ENCODERS) for name in checkpoint.get('state_dict', checkpoint)):
                raise InputError(f'{source} {ENCODERS_ONLY} and cannot be resumed; {USES}')
            raise InputError(
                f'{source} holds weights only and cannot be resumed; start from it with '
                f'--cfg-options load_from={source}'
            )
        hub = checkpoint.get('message_hub', {'log_scalars': {}})
        hub['log_scalars'] = {  # on the GPU, where mmengine loads the whole checkpoint to
            name: HistoryBuffer(*(part.cpu().numpy() for part in buffer))
            if isinstance(buffer, list)
            else buffer
            for name, buffer in hub['log_scalars'].items()
        }
        model = unwrapped_model(runner)
        state = checkpoint.get('state_dict', checkpoint)
        if getattr(model, 'encoders_only', False):
            kept = keep_encoders(state, model.streams)
            for name in [name for name in state if name not in kept]:
                del state[name]
        expected = model.state_dict()
        tests = not isinstance(runner._train_loop, BaseLoop)
        if tests or runner._resume:  # other weights are only a start
            check_persons(checkpoint, runner.cfg, source)
        if isinstance(model, BasePretrainer) and tests:
            # A test needs the encoders only. A training that goes on needs the rest too.
            expected = needed(expected, state)
        method = checkpoint.get('meta', {}).get('encoder', {}).get('method')
        other = method not in (None, type(model).__name__)
        check_architecture(
            expected, state, f'{source}, a checkpoint of {method},' if other else source
        )
        if runner._resume:
            reorder_optimizer(checkpoint, model)
        if runner._resume and 'loop' in checkpoint:
            runner.train_loop.load_state_dict(checkpoint['loop'])

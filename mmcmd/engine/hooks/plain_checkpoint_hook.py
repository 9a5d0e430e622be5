from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from mmcmd.engine.loops import ResumableEpochLoop
from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import check_architecture
from mmcmd.registry import HOOKS
from mmcmd.skeletons import get_layout


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


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Keep checkpoints plain data, so that ``torch.load(weights_only=True)`` loads and resumes.

    mmengine pickles its log buffers as objects, which torch >= 2.6 refuses (mmengine#1655). They
    are saved as tensors and rebuilt after loading. The loop's position in the epoch is saved
    with them. A checkpoint of another architecture, which mmengine would load in part with no
    more than a warning, is refused.
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
        if 'layout' in runner.cfg:  # so that a transfer to other joints can be told
            checkpoint['meta']['layout'] = get_layout(runner.cfg.layout).name

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Rebuild the log buffers and check that the weights are this model's."""
        source = runner._load_from or 'the checkpoint'
        if runner._resume and not {'message_hub', 'optimizer'} <= checkpoint.keys():
            raise InputError(
                f'{source} holds weights only and cannot be resumed; start from it with '
                f'--cfg-options load_from={source}'
            )
        hub = checkpoint.get('message_hub', {'log_scalars': {}})
        hub['log_scalars'] = {
            name: HistoryBuffer(*(part.numpy() for part in buffer))
            if isinstance(buffer, list)
            else buffer
            for name, buffer in hub['log_scalars'].items()
        }
        model = unwrapped_model(runner)
        state = checkpoint.get('state_dict', checkpoint)
        check_architecture(model.state_dict(), state, source)
        if runner._resume and 'loop' in checkpoint:
            runner.train_loop.load_state_dict(checkpoint['loop'])

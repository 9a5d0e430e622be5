from math import cos, pi
from typing import Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF, _ParamScheduler

from mmcmd.errors import InputError
from mmcmd.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Raise the learning rate linearly from 0, then lower it by half a cosine (MAE, MAMP).

    At step k of n, with w steps of warm-up and r = ``min_ratio``, the factor is k / w before the
    end of the warm-up, and r + (1 - r) (1 + cos(pi (k - w) / (n - w))) / 2 from then on. mmengine's
    ``LinearLR`` reaches its end a step earlier. Each group of parameters has its own learning rate,
    which is multiplied by the factor.

    Args:
        optimizer: Optimiser or wrapper.
        warmup (int): Steps of the warm-up, or epochs with ``convert_to_iter_based=True``. Defaults
            to 0.
        min_ratio (float): The last factor. Defaults to 0.
        end (int): n. A runner sets it to the length of the training.
        **kwargs: ``begin``, ``last_step``, ``by_epoch`` and ``verbose``, as in mmengine.

    Raises:
        InputError: If the warm-up is not shorter than the training.
    """

    def __init__(
        self,
        optimizer: Any,
        warmup: int = 0,
        min_ratio: float = 0.0,
        end: int = INF,
        **kwargs: Any,
    ) -> None:
        begin = kwargs.get('begin', 0)
        if not 0 <= warmup < end - begin:
            raise InputError(
                f'WarmupCosineLR has a warm-up of {warmup} in a training of {end - begin}; set '
                'warmup of param_scheduler to less'
            )
        self.warmup = warmup
        self.min_ratio = min_ratio
        self.total = end - begin
        super().__init__(optimizer, end=end, **kwargs)

    @classmethod
    def build_iter_from_epoch(
        cls,
        *args: Any,
        warmup: int = 0,
        begin: int = 0,
        end: int = INF,
        by_epoch: bool = True,
        epoch_length: int = 1,
        **kwargs: Any,
    ) -> 'WarmupCosineLR':
        """Build a schedule by iterations from one by epochs."""
        lengths = {'warmup': warmup, 'begin': begin, 'end': end}
        lengths = {name: int(x * epoch_length) for name, x in lengths.items()}
        return cls(*args, by_epoch=False, **lengths, **kwargs)

    def _get_value(self) -> list[float]:
        step, rest = self.last_step, self.total - self.warmup
        if step < self.warmup:
            factor = step / self.warmup
        else:
            wave = (1 + cos(pi * (step - self.warmup) / rest)) / 2
            factor = self.min_ratio + (1 - self.min_ratio) * wave
        return [value * factor for value in self.base_values]

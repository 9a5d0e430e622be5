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
        inclusive (bool): The last step of the warm-up has the full rate (SLiM): the factor is
            k / (w - 1) before the end of the warm-up. Defaults to False.
        held (str, optional): Part of the names of parameters whose rate is 0 at first. Their groups
            need ``param_name``, which :class:`LayerDecayConstructor` gives.
        hold (int): So many steps, or epochs as ``warmup``. Defaults to 0.
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
        inclusive: bool = False,
        held: str | None = None,
        hold: int = 0,
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
        self.inclusive = inclusive
        self.held = held
        self.hold = hold
        self.total = end - begin
        super().__init__(optimizer, end=end, **kwargs)

    @classmethod
    def build_iter_from_epoch(
        cls,
        *args: Any,
        warmup: int = 0,
        hold: int = 0,
        begin: int = 0,
        end: int = INF,
        by_epoch: bool = True,
        epoch_length: int = 1,
        **kwargs: Any,
    ) -> 'WarmupCosineLR':
        """Build a schedule by iterations from one by epochs."""
        lengths = {'warmup': warmup, 'hold': hold, 'begin': begin, 'end': end}
        lengths = {name: int(x * epoch_length) for name, x in lengths.items()}
        return cls(*args, by_epoch=False, **lengths, **kwargs)

    def _get_value(self) -> list[float]:
        step, rest = self.last_step, self.total - self.warmup
        if step < self.warmup:
            factor = step / max(self.warmup - self.inclusive, 1)
        else:
            wave = (1 + cos(pi * (step - self.warmup) / rest)) / 2
            factor = self.min_ratio + (1 - self.min_ratio) * wave
        factors = [factor] * len(self.base_values)
        if self.held is not None and step < self.hold:
            names = [group.get('param_name', '') for group in self.optimizer.param_groups]
            factors = [0.0 if self.held in name else factor for name in names]
        return [value * x for value, x in zip(self.base_values, factors, strict=True)]

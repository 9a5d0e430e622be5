from mmengine.model import BaseModule
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.functional import contrastive_accuracy, info_nce
from mmcmd.registry import MODELS


@MODELS.register_module()
class MoCoHead(BaseModule):
    """The InfoNCE loss of queries against their own keys and a queue (CMD Sec. 3.2, Eq. 1).

    Args:
        temperature (float): tau_c. Defaults to 0.07.
        init_cfg (dict, optional): Initialisation, as in mmengine.

    Raises:
        InputError: If the temperature is not positive.
    """

    def __init__(self, temperature: float = 0.07, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if temperature <= 0:
            raise InputError(f'MoCoHead needs a positive temperature, but got {temperature}')
        self.temperature = temperature

    def forward(self, query: Tensor, key: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the InfoNCE loss and the contrastive accuracy.

        Args:
            query (Tensor): L2-normalised, shape (N, D).
            key (Tensor): L2-normalised, shape (N, D).
            negatives (Tensor): Similarities of the queries to the queue, shape (N, Q).

        Returns:
            tuple[Tensor, Tensor]: Loss and accuracy, each of shape ().
        """
        positive = (query * key).sum(dim=1)
        loss = info_nce(positive, negatives, self.temperature)
        return loss, contrastive_accuracy(positive.detach(), negatives.detach())

from typing import Any, ClassVar

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

from mmcmd.errors import InputError
from mmcmd.models.precision import autocast_type
from mmcmd.models.pretrainers.momentum_contrast import MomentumContrast
from mmcmd.registry import MODELS


@MODELS.register_module()
class ASCAL(MomentumContrast):
    """AS-CAL: MoCo on the mean output of an LSTM (Information Sciences 2021).

    As in the released code, the embedding is the feature itself. There is no projection (``neck``),
    and the embedding is not normalised. Similarities are dot products.

    In the first epoch, keys fill the queue and no weight is trained. The released code updates the
    key encoder after each optimisation step. This class updates it at the start of the next step.
    The losses and queries are the same, but the key encoder in a checkpoint is one step older.

    Args:
        fill_epochs (int): Epochs that only fill the queue. Defaults to 1.
        **kwargs: Options of :class:`MomentumContrast`.

    Raises:
        InputError: If ``fill_epochs`` is negative.
    """

    normalize: ClassVar[bool] = False

    def __init__(self, fill_epochs: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if fill_epochs < 0:
            raise InputError(f'fill_epochs={fill_epochs} of ASCAL must not be negative; correct it')
        self.fill_epochs = fill_epochs

    def loss(
        self, inputs: Tensor, data_samples: list[ActionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Compute the losses of one step, and update the key encoders and queues.

        Args:
            inputs (Tensor): Query and key view, shape (N, 2, M, T, V, C).
            data_samples (list[ActionDataSample], optional): Not used.

        Returns:
            dict[str, Tensor]: ``loss_{stream}`` (InfoNCE of dot products) and ``acc_{stream}``. In
            the epochs that fill the queue, no parameter gets a gradient.

        Raises:
            InputError: If an epoch that fills the queue is computed in float16.
        """
        query_view, key_view = inputs.unbind(dim=1)
        filling = self.epoch < self.fill_epochs
        if filling and autocast_type(inputs.device.type) == torch.float16:
            raise InputError(
                'ASCAL fills its queue first, without gradients, and the loss scaler of float16 '
                'cannot take a step without gradients; use --amp --amp-dtype bfloat16, or set '
                'model.fill_epochs=0'
            )
        if not filling:
            self.update_keys()
        losses = {}
        for name, queue in self.queues.items():
            key = self.key(key_view, name)
            with torch.set_grad_enabled(torch.is_grad_enabled() and not filling):
                query = self.query(query_view, name)
                loss, accuracy = self.head(query, key, queue.similarities(query))
            # ``backward`` needs a loss with a gradient. The parameters get none, so that the
            # optimiser skips them.
            losses[f'loss_{name}'] = loss.requires_grad_() if filling else loss
            losses[f'acc_{name}'] = accuracy
            queue.enqueue(key)
        return losses

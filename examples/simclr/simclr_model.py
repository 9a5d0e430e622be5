"""SimCLR (ICML 2020) as a method outside the package; docs/add_a_method.md explains it."""

import torch
import torch.nn.functional as F
from mmengine.dist import get_rank
from mmengine.model import ModuleDict

from mmcmd.models import BasePretrainer
from mmcmd.models.encoder import build_with_features
from mmcmd.models.functional import embedding_std
from mmcmd.models.gather import gather_with_gradient
from mmcmd.registry import MODELS


@MODELS.register_module()
class SimCLR(BasePretrainer):
    """Two views of a sample attract each other; all other views of the batch repel both."""

    views = ('first', 'second')

    def __init__(self, neck, temperature=0.1, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature
        self.necks = ModuleDict(
            {name: build_with_features(neck, x) for name, x in self.encoders.items()}
        )

    def loss(self, inputs, data_samples=None):
        """Return the losses of one step; the inputs are views (N, 2, M, T, V, C)."""
        losses = {}
        for name, encoder in self.encoders.items():
            feature = encoder(inputs.flatten(0, 1))  # both views of a sample, then the next sample
            embedding = F.normalize(self.necks[name](feature).float(), dim=1)
            loss, accuracy = nt_xent(embedding, self.temperature)
            losses |= {f'loss_{name}': loss, f'acc_{name}': accuracy}
            losses[f'std_{name}'] = embedding_std(embedding)
        return losses


def nt_xent(embedding, temperature):
    """Return loss (Eq. 1) and accuracy of embeddings (2N, D); rows 2i and 2i + 1 are partners."""
    logits = embedding @ gather_with_gradient(embedding).T / temperature  # (2N, 2N * ranks)
    rows = torch.arange(len(embedding), device=embedding.device)
    own = rows + get_rank() * len(embedding)
    logits = logits.index_put((rows, own), logits.new_tensor(-torch.inf))
    partner = own ^ 1
    accuracy = (logits.argmax(dim=1) == partner).float().mean()
    return F.cross_entropy(logits, partner), accuracy

"""Self-distillation with prototypes (SLiM, after DINOv2): assignments, their loss, and KoLeo."""

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather
from torch import Tensor


@torch.no_grad()
def sinkhorn(logits: Tensor, temperature: float, num_iters: int = 3) -> Tensor:
    """Assign embeddings to prototypes so that all prototypes get equal shares (Sinkhorn-Knopp).

    The embeddings of all ranks are balanced together.

    Args:
        logits (Tensor): Similarities to the prototypes, shape (n, K). n may differ between ranks.
        temperature (float): Divides the logits.
        num_iters (int): Number of iterations. Defaults to 3.

    Returns:
        Tensor: Probabilities of each embedding, in float32 at least, shape (n, K).
    """
    wide = torch.promote_types(logits.dtype, torch.float32)
    log_shares = logits.to(wide) / temperature  # of any size: no exponential is infinite
    for _ in range(num_iters):
        prototypes = torch.stack(all_gather(log_shares.logsumexp(dim=0)))
        log_shares = log_shares - prototypes.logsumexp(dim=0)
        log_shares = log_shares.log_softmax(dim=1)
    return log_shares.exp()


def prototype_log_probs(logits: Tensor, temperature: float) -> Tensor:
    """Return the log-probabilities of a student, in float32 at least, shape (n, K)."""
    wide = torch.promote_types(logits.dtype, torch.float32)
    return (logits.to(wide) / temperature).log_softmax(dim=-1)


def assignment_loss(assigned: Tensor, log_probs: Tensor) -> Tensor:
    """Return the cross entropy of each embedding to the prototypes of the teacher.

    Args:
        assigned (Tensor): Shape (..., K), see :func:`sinkhorn`.
        log_probs (Tensor): Of the student, shape (..., K).

    Returns:
        Tensor: Shape (...).
    """
    return -(assigned * log_probs).sum(dim=-1)


def koleo(embeddings: Tensor, eps: float = 1e-6) -> Tensor:
    """Spread embeddings: the mean of -log of the distance to the nearest other one (KoLeo).

    Args:
        embeddings (Tensor): Not normalised, shape (n, D), n >= 2.
        eps (float): Added to coordinates of the difference, and to the distance. Defaults to 1e-6.

    Returns:
        Tensor: Shape ().
    """
    wide = torch.promote_types(embeddings.dtype, torch.float32)
    points = F.normalize(embeddings.to(wide), dim=1, eps=eps)
    with torch.no_grad():
        similarities = points @ points.T
        similarities.fill_diagonal_(-1)
        nearest = similarities.argmax(dim=1)
    distances = F.pairwise_distance(points, points[nearest], eps=eps)
    return -(distances + eps).log().mean()

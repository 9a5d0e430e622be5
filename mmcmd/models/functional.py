"""The paper's equations as pure functions of tensors.

N is the batch, Q the queue, D the embedding size. Similarities rather than embeddings go in: a
query's similarities to its queue are needed by Eq. 1 and again by Eq. 3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def info_nce(positive: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """InfoNCE, Eq. 1: tell a query's own key from the keys in the queue.

    Args:
        positive (Tensor): Similarity of each query to its key, shape (N,).
        negatives (Tensor): Similarity of each query to each queue entry, shape (N, Q).
        temperature (float): tau_c.

    Returns:
        Tensor: Mean over the batch, shape ().
    """
    # The sum over both in two steps: joining them would copy all negatives.
    own, others = positive / temperature, (negatives / temperature).logsumexp(dim=1)
    return (torch.logaddexp(own, others) - own).mean()


def contrastive_accuracy(positive: Tensor, negatives: Tensor) -> Tensor:
    """Share of the queries that are closer to their own key than to any queue entry.

    Args:
        positive (Tensor): Shape (N,).
        negatives (Tensor): Shape (N, Q).

    Returns:
        Tensor: In [0, 1], shape ().
    """
    return (positive > negatives.amax(dim=1)).float().mean()


def neighbour_distribution(similarities: Tensor, temperature: float) -> Tensor:
    """Log of the neighbouring similarity distribution p(z, tau), Eq. 2.

    Args:
        similarities (Tensor): Similarity of each embedding to its K anchors, shape (N, K).
        temperature (float): tau.

    Returns:
        Tensor: Log-probabilities, shape (N, K).
    """
    return F.log_softmax(similarities / temperature, dim=1)


def neighbour_kl(
    teacher: Tensor, student: Tensor, teacher_temperature: float, student_temperature: float
) -> Tensor:
    """KL(teacher || student) of two neighbouring similarity distributions, Eq. 3.

    Args:
        teacher (Tensor): Similarities of the teacher's keys to their K anchors, shape (N, K).
        student (Tensor): Similarities of the student's queries to the same samples, shape (N, K).
        teacher_temperature (float): tau_t.
        student_temperature (float): tau_s.

    Returns:
        Tensor: Mean over the batch, shape ().
    """
    return F.kl_div(
        neighbour_distribution(student, student_temperature),
        neighbour_distribution(teacher, teacher_temperature),
        reduction='batchmean',
        log_target=True,
    )


@torch.no_grad()
def momentum_update(key_encoder: nn.Module, query_encoder: nn.Module, momentum: float) -> None:
    """Move the key encoder towards the query encoder: theta_k <- (1 - m) theta_k + m theta_q.

    Parameters only: the key encoder keeps its own BatchNorm statistics.

    Args:
        key_encoder (nn.Module): Updated in place.
        query_encoder (nn.Module): Same structure.
        momentum (float): The fraction taken from the query encoder, 1 - alpha in Sec. 3.2.
    """
    torch._foreach_lerp_(list(key_encoder.parameters()), list(query_encoder.parameters()), momentum)


def spread(embeddings: Tensor) -> Tensor:
    """Tell how far apart the embeddings of a batch are.

    Args:
        embeddings (Tensor): L2-normalised, shape (N, D).

    Returns:
        Tensor: Their standard deviation over the batch, averaged over the dimensions, times
        sqrt(D): 0 when all are one, about 1 when they fill the sphere; shape ().
    """
    std = embeddings.detach().std(dim=0, correction=0)
    return std.mean() * embeddings.shape[1] ** 0.5

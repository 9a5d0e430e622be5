"""Equations of the papers as pure functions of tensors.

N is the batch size, Q the size of the queue and D the size of an embedding. "Eq." and "Sec."
without a paper refer to CMD. The functions take similarities instead of embeddings, because Eq. 1
and Eq. 3 need the same similarities of a query to its queue.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def info_nce(positive: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Compute InfoNCE, Eq. 1: contrast the key of each query with the keys in the queue.

    Args:
        positive (Tensor): Similarity of each query to its key, shape (N,).
        negatives (Tensor): Similarity of each query to each queue entry, shape (N, Q).
        temperature (float): tau_c. The similarities are divided by it.

    Returns:
        Tensor: Mean over the batch, shape ().
    """
    # The positive is added with logaddexp, because concatenation would copy all negatives.
    own, others = positive / temperature, (negatives / temperature).logsumexp(dim=1)
    return (torch.logaddexp(own, others) - own).mean()


def contrastive_accuracy(positive: Tensor, negatives: Tensor) -> Tensor:
    """Fraction of the queries that are closer to their own key than to all keys in the queue.

    Args:
        positive (Tensor): Similarity of each query to its key, shape (N,).
        negatives (Tensor): Similarity of each query to each queue entry, shape (N, Q).

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

    Only parameters are updated: the key encoder keeps its own BatchNorm statistics.

    Args:
        key_encoder (nn.Module): Updated in place.
        query_encoder (nn.Module): A module of the same structure.
        momentum (float): Fraction taken from the query encoder, m. In Sec. 3.2 it is 1 - alpha.
    """
    keys, queries = list(key_encoder.parameters()), list(query_encoder.parameters())
    if keys:  # a method may have no neck
        torch._foreach_lerp_(keys, queries, momentum)


def embedding_std(embeddings: Tensor) -> Tensor:
    """Standard deviation of the embeddings of a batch. A value near 0 indicates a collapse.

    Args:
        embeddings (Tensor): L2-normalised, shape (N, D).

    Returns:
        Tensor: The standard deviation over the batch, averaged over the dimensions, times sqrt(D).
        It is 0 if all embeddings are equal and about 1 if they fill the sphere. Shape ().
    """
    std = embeddings.detach().std(dim=0, correction=0)
    return std.mean() * embeddings.shape[1] ** 0.5


def contrast_logits(positive: Tensor, *columns: Tensor, temperature: float) -> Tensor:
    """Concatenate similarities to logits. The first column is that of the own key.

    Args:
        positive (Tensor): Similarity of each query to its own key, shape (N,).
        *columns (Tensor): Other similarities, each of shape (N, Q).
        temperature (float): tau.

    Returns:
        Tensor: Shape (N, 1 + Q + ...).
    """
    return torch.cat([positive[:, None], *columns], dim=1) / temperature


def multi_positive_nce(logits: Tensor, positives: Tensor) -> Tensor:
    """InfoNCE with several positives per query, averaged outside the logarithm.

    CrosSCLR and AimCLR mine positives in the queue. Their released code averages the
    log-probabilities of all positives of a query.

    Args:
        logits (Tensor): Shape (N, K).
        positives (Tensor): Shape (N, K), 1 where a column is a positive, else 0.

    Returns:
        Tensor: Mean over the batch, shape ().
    """
    log_prob = F.log_softmax(logits, dim=1)
    return -((positives * log_prob).sum(dim=1) / positives.sum(dim=1)).mean()


def nearest_mask(similarities: Tensor, topk: int) -> Tensor:
    """Mark the nearest keys of each query.

    Args:
        similarities (Tensor): Shape (N, Q).
        topk (int): Number of keys to mark in each row.

    Returns:
        Tensor: Shape (N, Q), 1 for the nearest keys, else 0.
    """
    nearest = similarities.detach().topk(topk, dim=1, sorted=False).indices
    return torch.zeros_like(similarities).scatter_(1, nearest, 1)


def distribution_cross_entropy(logits: Tensor, target_logits: Tensor) -> Tensor:
    """Cross entropy between two distributions, given by their logits (AimCLR, D3M).

    Args:
        logits (Tensor): Shape (N, K).
        target_logits (Tensor): Logits of the target, shape (N, K). They get no gradient.

    Returns:
        Tensor: Mean over the batch, shape ().
    """
    return F.cross_entropy(logits, target_logits.detach().softmax(dim=1))


def attention_drop(feature_map: Tensor, keep: float) -> Tensor:
    """Set the joints and elements of a map with the highest attention to zero (AimCLR, EADM).

    The attention of an element grows with its squared distance from the mean of its channel. Joints
    are set to 0 if their mean attention is ``keep`` or more, and elements if their own attention
    is. The other values are divided by the fraction of values that is kept in the whole batch. The
    masks get no gradient.

    Args:
        feature_map (Tensor): Shape (N, M, C, T, V).
        keep (float): Joints and elements with an attention below this value are kept. The attention
            is always 0.62 or more.

    Returns:
        Tensor: Shape (N, M, C, T, V). The computation uses float32 or wider, because the sum of a
        mask is too large for float16.
    """
    feature_map = feature_map.to(torch.promote_types(feature_map.dtype, torch.float32))
    with torch.no_grad():
        distance = (feature_map - feature_map.mean(dim=(3, 4), keepdim=True)).square()
        count = feature_map.shape[3] * feature_map.shape[4] - 1
        variance = distance.sum(dim=(3, 4), keepdim=True) / count
        attention = (distance / (4 * (variance + 1e-4)) + 0.5).sigmoid()
        joints = (attention.mean(dim=(2, 3), keepdim=True) < keep).to(feature_map.dtype)
        elements = (attention < keep).to(feature_map.dtype)
        # If a mask keeps nothing, the result is 0.
        scales = [mask.numel() / mask.sum().clamp(min=1) for mask in (joints, elements)]
    return feature_map * joints * scales[0] * elements * scales[1]

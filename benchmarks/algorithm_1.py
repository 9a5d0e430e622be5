"""Algorithm 1 of CMD, written separately for each modality, with a loop over the frames."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.encoder import frame_by_frame
from mmcmd.models import CMD
from mmcmd.skeletons import get_layout


def algorithm_1(model: CMD, query_view: Tensor, key_view: Tensor) -> Tensor:
    """Run Algorithm 1, with separate code for every modality and pair, and return the loss.

    Args:
        model (CMD): Model with the weights and queues. Its key encoders and queues are updated.
        query_view (Tensor): Joints, shape (N, M, T, V, C).
        key_view (Tensor): Joints, shape (N, M, T, V, C).
    """
    tau_c, tau_t, tau_s, topk = 0.07, 0.05, 0.1, model.distill_head.topk
    joint_queue, motion_queue, bone_queue = model.queues.values()
    for keys, queries in ((model.key_encoders, model.encoders), (model.key_necks, model.necks)):
        for k, q in zip(keys.parameters(), queries.parameters(), strict=True):
            k.data = k.data * (1 - model.momentum) + q.data * model.momentum

    joint_q, motion_q, bone_q = views(model, query_view)
    joint_q = embed(model.encoders['joint'], model.necks['joint'], joint_q)
    motion_q = embed(model.encoders['motion'], model.necks['motion'], motion_q)
    bone_q = embed(model.encoders['bone'], model.necks['bone'], bone_q)
    with torch.no_grad():
        joint_k, motion_k, bone_k = views(model, key_view)
        joint_k = embed(model.key_encoders['joint'], model.key_necks['joint'], joint_k)
        motion_k = embed(model.key_encoders['motion'], model.key_necks['motion'], motion_k)
        bone_k = embed(model.key_encoders['bone'], model.key_necks['bone'], bone_k)
        joint_t = torch.einsum('nd,dq->nq', joint_k, joint_queue.queue.clone())
        motion_t = torch.einsum('nd,dq->nq', motion_k, motion_queue.queue.clone())
        bone_t = torch.einsum('nd,dq->nq', bone_k, bone_queue.queue.clone())

    joint_s = torch.einsum('nd,dq->nq', joint_q, joint_queue.queue.clone())
    motion_s = torch.einsum('nd,dq->nq', motion_q, motion_queue.queue.clone())
    bone_s = torch.einsum('nd,dq->nq', bone_q, bone_queue.queue.clone())
    loss = info_nce(joint_q, joint_k, joint_s, tau_c)
    loss = loss + info_nce(motion_q, motion_k, motion_s, tau_c)
    loss = loss + info_nce(bone_q, bone_k, bone_s, tau_c)

    loss = loss + distill(joint_t, motion_s, topk, tau_t, tau_s)
    loss = loss + distill(joint_t, bone_s, topk, tau_t, tau_s)
    loss = loss + distill(motion_t, joint_s, topk, tau_t, tau_s)
    loss = loss + distill(motion_t, bone_s, topk, tau_t, tau_s)
    loss = loss + distill(bone_t, joint_s, topk, tau_t, tau_s)
    loss = loss + distill(bone_t, motion_s, topk, tau_t, tau_s)

    start = int(joint_queue.queue_ptr)
    for queue, key in ((joint_queue, joint_k), (motion_queue, motion_k), (bone_queue, bone_k)):
        queue.queue[:, start : start + len(key)] = key.T
        queue.queue_ptr[0] = (start + len(key)) % queue.size
    return loss


def views(model: CMD, joints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return joint, motion and bone, each of the shape (N, M, T, V, C) of the joints."""
    motion, bone = torch.zeros_like(joints), torch.zeros_like(joints)
    motion[:, :, :-1] = joints[:, :, 1:] - joints[:, :, :-1]
    for child, parent in enumerate(get_layout(model.layout).parents):
        bone[..., child, :] = joints[..., child, :] - joints[..., parent, :]
    return joints, motion, bone


def embed(encoder: nn.Module, neck: nn.Module, x: Tensor) -> Tensor:
    """Encode joints (N, M, T, V, C) frame by frame, and project them to unit vectors (N, D)."""
    return F.normalize(neck(frame_by_frame(encoder.backbone, x)), dim=1)


def info_nce(query: Tensor, key: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Return the loss of finding the own key (N, D) among all keys; negatives are (N, Q)."""
    positive = torch.einsum('nd,nd->n', query, key)
    logits = torch.cat([positive[:, None], negatives], dim=1) / temperature
    return F.cross_entropy(logits, query.new_zeros(len(query), dtype=torch.long))


def distill(teacher: Tensor, student: Tensor, topk: int, tau_t: float, tau_s: float) -> Tensor:
    """Return the KL divergence of two similarities (N, Q) at the teacher's nearest neighbours."""
    nearest, index = torch.topk(teacher, topk)
    target = F.softmax(nearest / tau_t, dim=1)
    found = F.log_softmax(torch.gather(student, 1, index) / tau_s, dim=1)
    return F.kl_div(found, target, reduction='batchmean')

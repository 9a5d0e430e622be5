"""A whole training step of CMD against Algorithm 1 written out modality by modality."""

import statistics
from collections.abc import Iterator
from copy import deepcopy
from functools import partial

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from benchmarks.encoder import frame_by_frame
from benchmarks.harness import Figure, check_equal, in_turns, ratio, spread
from mmcmd.apis.complexity import encoder_complexity, step_flops
from mmcmd.models import CMD
from mmcmd.registry import MODELS

CONFIG = 'configs/cmd/cmd_bigru_ntu60_xsub.py'
GOALS = {16: '>= 1.7', 64: ''}
SGD = dict(lr=0.01, momentum=0.9, weight_decay=1e-4)


def algorithm_1(model: CMD, query_view: Tensor, key_view: Tensor) -> Tensor:
    """Restate Algorithm 1 with every modality and pair written out; return the loss.

    Args:
        model (CMD): Whose weights and queues are used, and advanced.
        query_view (Tensor): Joints, shape (N, M, T, V, C).
        key_view (Tensor): Joints, shape (N, M, T, V, C).
    """
    tau_c, tau_t, tau_s, topk = 0.07, 0.05, 0.1, model.distill_head.topk
    joint_head, motion_head, bone_head = model.heads.values()
    for key_encoder, query_encoder in zip(
        model.key_encoders.values(), model.query_encoders.values(), strict=True
    ):
        for k, q in zip(key_encoder.parameters(), query_encoder.parameters(), strict=True):
            k.data = k.data * (1 - model.momentum) + q.data * model.momentum

    joint_q, motion_q, bone_q = views(model, query_view)
    joint_q = embed(model.query_encoders['joint'], joint_q)
    motion_q = embed(model.query_encoders['motion'], motion_q)
    bone_q = embed(model.query_encoders['bone'], bone_q)
    with torch.no_grad():
        joint_k, motion_k, bone_k = views(model, key_view)
        joint_k = embed(model.key_encoders['joint'], joint_k)
        motion_k = embed(model.key_encoders['motion'], motion_k)
        bone_k = embed(model.key_encoders['bone'], bone_k)
        joint_t = torch.einsum('nd,dq->nq', joint_k, joint_head.queue.clone())
        motion_t = torch.einsum('nd,dq->nq', motion_k, motion_head.queue.clone())
        bone_t = torch.einsum('nd,dq->nq', bone_k, bone_head.queue.clone())

    joint_s = torch.einsum('nd,dq->nq', joint_q, joint_head.queue.clone())
    motion_s = torch.einsum('nd,dq->nq', motion_q, motion_head.queue.clone())
    bone_s = torch.einsum('nd,dq->nq', bone_q, bone_head.queue.clone())
    loss = info_nce(joint_q, joint_k, joint_s, tau_c)
    loss = loss + info_nce(motion_q, motion_k, motion_s, tau_c)
    loss = loss + info_nce(bone_q, bone_k, bone_s, tau_c)

    loss = loss + distill(joint_t, motion_s, topk, tau_t, tau_s)
    loss = loss + distill(joint_t, bone_s, topk, tau_t, tau_s)
    loss = loss + distill(motion_t, joint_s, topk, tau_t, tau_s)
    loss = loss + distill(motion_t, bone_s, topk, tau_t, tau_s)
    loss = loss + distill(bone_t, joint_s, topk, tau_t, tau_s)
    loss = loss + distill(bone_t, motion_s, topk, tau_t, tau_s)

    start = int(joint_head.queue_ptr)
    for head, key in ((joint_head, joint_k), (motion_head, motion_k), (bone_head, bone_k)):
        head.queue[:, start : start + len(key)] = key.T
        head.queue_ptr[0] = start + len(key)
    return loss


def views(model: CMD, joints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return joint, motion and bone."""
    motion, bone = torch.zeros_like(joints), torch.zeros_like(joints)
    motion[:, :, :-1] = joints[:, :, 1:] - joints[:, :, :-1]
    for child, parent in enumerate(model.modalities['bone'].parents.tolist()):
        bone[..., child, :] = joints[..., child, :] - joints[..., parent, :]
    return joints, motion, bone


def embed(encoder: nn.Module, x: Tensor) -> Tensor:
    """Encode frame by frame, and project."""
    return F.normalize(encoder.neck(frame_by_frame(encoder.backbone, x)), dim=1)


def info_nce(query: Tensor, key: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Classify the positive among all."""
    positive = torch.einsum('nd,nd->n', query, key)
    logits = torch.cat([positive[:, None], negatives], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.long))


def distill(teacher: Tensor, student: Tensor, topk: int, tau_t: float, tau_s: float) -> Tensor:
    """Compare the two at the teacher's nearest neighbours."""
    nearest, index = torch.topk(teacher, topk)
    target = F.softmax(nearest / tau_t, dim=1)
    found = F.log_softmax(torch.gather(student, 1, index) / tau_s, dim=1)
    return F.kl_div(found, target, reduction='batchmean')


def our_loss(model: CMD, query_view: Tensor, key_view: Tensor) -> Tensor:
    """Compute the loss as the runner does."""
    losses = model(torch.stack([query_view, key_view], dim=1), mode='loss')
    return model.parse_losses(losses)[0]


def encoders_alone(model: CMD, query_view: Tensor, key_view: Tensor) -> None:
    """Run the encoders of a step alone: the queries' forward and backward, the keys' forward."""
    model.zero_grad()
    for name, modality in model.modalities.items():
        feature = model.query_encoders[name](modality(query_view))
        with torch.no_grad():
            model.key_encoders[name](modality(key_view))
        feature.backward(feature.detach())


class Step:
    """A model and its optimizer, stepped by one way of computing the loss."""

    def __init__(self, model: CMD, loss: partial) -> None:
        self.model, self.loss = model, loss
        self.optimizer = torch.optim.SGD(model.query_encoders.parameters(), **SGD)

    def __call__(self) -> Tensor:
        """Run a step and return its loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def run(short: bool) -> Iterator[Figure]:
    """Time both from the same weights, queues and inputs, and the product of two matrices."""
    config = Config.fromfile(CONFIG)
    init_default_scope('mmcmd')
    frames, side, rounds = 64, 2048, 2
    if short:
        frames, side, rounds = 8, 512, 1
        config.model.backbone.hidden_size = 128
        config.model.head.queue_size, config.model.distill_head.topk = 1024, 512
    queue, topk = config.model.head.queue_size, config.model.distill_head.topk
    left, right = torch.randn(2, side, side)
    products = 1 if short else 10

    for batch, goal in {8: ''}.items() if short else GOALS.items():
        torch.manual_seed(0)
        model = MODELS.build(config.model)
        macs = step_flops(encoder_complexity(model, (2, frames, 25, 3)))
        model.train()
        views_of = torch.randn(batch, 2, frames, 25, 3), torch.randn(batch, 2, frames, 25, 3)
        plain = Step(
            deepcopy(model), lambda model, views_of=views_of: algorithm_1(model, *views_of)
        )
        ours = Step(model, lambda model, views_of=views_of: our_loss(model, *views_of))
        check_equal(ours(), plain(), 'loss of a CMD step', rtol=1e-5)
        found, expected = model.state_dict(), plain.model.state_dict()
        for name, tensor in found.items():
            check_equal(tensor, expected[name], f'{name} after a CMD step', atol=1e-5)

        times = in_turns(
            rounds,
            ours=ours,
            algorithm_1=plain,
            encoders=partial(encoders_alone, model, *views_of),
            product=lambda: [torch.mm(left, right) for _ in range(products)],
        )
        case = f'joint, motion, bone; queue {queue}, K {topk}, {frames} frames, batch {batch}'
        yield Figure(
            'cmd_step',
            case,
            **ratio(times, 'algorithm_1'),
            goal=goal,
            against='Algorithm 1, modality by modality, frame by frame',
        )
        if short:
            return
        flops = 2 * macs * batch
        rates = [
            100 * (flops / step) / (2 * side**3 * products / product)
            for step, product in zip(times['ours'], times['product'], strict=True)
        ]
        yield Figure(
            'cmd_step',
            case + ": encoders' operations over the time of the whole step",
            **spread(rates),
            unit='%',
            goal='>= 75' if batch == 64 else '',
            against=f'rate of a {side} x {side} float32 product',
            note=f'{flops / 1e12:.3g} TFLOP a step; product '
            f'{2e-9 * side**3 * products / statistics.median(times["product"]):.0f} GFLOP/s',
        )
        shares = [
            100 * (1 - alone / step)
            for step, alone in zip(times['ours'], times['encoders'], strict=True)
        ]
        yield Figure(
            'cmd_step',
            case + ': all that is not an encoder',
            **spread(shares),
            unit='%',
            goal='<= 10',
            against='the whole step',
            note='projections, queues, losses, optimizer and momentum update',
        )

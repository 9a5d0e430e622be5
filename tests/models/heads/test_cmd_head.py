import math

import pytest
import torch
import torch.nn.functional as F

from mmcmd.errors import InputError
from mmcmd.models import CMDHead, KeyQueue, MoCoHead

K, TAU_T, TAU_S = 4, 0.3, 0.6


def unit(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(shape, generator=generator, dtype=torch.float64), dim=-1)


@pytest.fixture
def modality():
    """Return a function: seed -> queries (N, D), keys (N, D) and queue (D, Q) of a modality."""

    def make(seed):
        return unit(3, 5, seed=seed), unit(3, 5, seed=seed + 100), unit(9, 5, seed=seed + 200).T

    return make


def distil(teacher, student, k=K, tau_t=TAU_T, tau_s=TAU_S):
    """Compute Algorithm 1's `A to B` with loops: teacher (z_k, queue), student (z_q, queue)."""
    (z_k, queue_a), (z_q, queue_b) = teacher, student
    total = 0.0
    for n in range(len(z_k)):
        near = [sum(z_k[n, d] * queue_a[d, i] for d in range(5)).item() for i in range(9)]
        same = [sum(z_q[n, d] * queue_b[d, i] for d in range(5)).item() for i in range(9)]
        indices = sorted(range(9), key=lambda i: -near[i])[:k]
        p = [math.exp(near[i] / tau_t) for i in indices]
        q = [math.exp(same[i] / tau_s) for i in indices]
        p, q = [x / sum(p) for x in p], [x / sum(q) for x in q]
        total += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / len(z_k)
    return total


def similarities(modalities):
    teachers = {name: z_k @ queue for name, (_, z_k, queue) in modalities.items()}
    students = {name: z_q @ queue for name, (z_q, _, queue) in modalities.items()}
    return teachers, students


def head(**options):
    defaults = {'topk': K, 'teacher_temperature': TAU_T, 'student_temperature': TAU_S}
    return CMDHead(**defaults | options)


def test_two_modalities_are_algorithm_1(modality):
    modalities = {'a': modality(0), 'b': modality(1)}
    (q_a, k_a, queue_a), (q_b, k_b, queue_b) = modalities.values()
    expected = distil((k_a, queue_a), (q_b, queue_b)) + distil((k_b, queue_b), (q_a, queue_a))
    loss = head()(*similarities(modalities), [('a', 'b'), ('b', 'a')])
    assert loss.item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    'pairs',
    [
        [('a', 'b')],
        [('b', 'a')],
        [('a', 'b'), ('a', 'c'), ('c', 'b')],
        [(x, y) for x in 'abcd' for y in 'abcd' if x != y],
    ],
)
def test_any_list_of_pairs_sums_teacher_to_student(modality, pairs):
    modalities = {name: modality(seed) for seed, name in enumerate('abcd')}
    expected = sum(
        distil(modalities[teacher][1:], modalities[student][::2]) for teacher, student in pairs
    )
    assert head()(*similarities(modalities), pairs).item() == pytest.approx(expected, rel=1e-10)


def test_weight_scales_the_sum(modality):
    modalities, pairs = {'a': modality(0), 'b': modality(1)}, [('a', 'b'), ('b', 'a')]
    scaled, plain = (
        head(loss_weight=w)(*similarities(modalities), pairs).item() for w in (0.25, 1.0)
    )
    assert scaled == pytest.approx(plain / 4)


def test_cold_teacher_with_all_neighbours_is_positive_mining(modality):
    """Eq. 7: with tau_t -> 0 and K = N the loss is InfoNCE with a mined positive added."""
    (_, k_a, queue_a), (q_b, k_b, queue_b) = modality(0), modality(1)
    mined = 0.0
    contrast = 0.0
    for n in range(3):
        u = max(range(9), key=lambda i: (k_a[n] @ queue_a[:, i]).item())
        weights = [math.exp((q_b[n] @ queue_b[:, i]).item() / TAU_S) for i in range(9)]
        mined += -math.log(weights[u] / sum(weights)) / 3
        own = math.exp((q_b[n] @ k_b[n]).item() / TAU_S)
        contrast += -math.log(own / (own + sum(weights))) / 3

    queue = KeyQueue(feat_dim=5, size=9).double()
    queue.queue.copy_(queue_b)
    negatives = queue.similarities(q_b)
    loss, _ = MoCoHead(temperature=TAU_S)(q_b, k_b, negatives)
    loss += head(topk=9, teacher_temperature=1e-4)(
        {'a': k_a @ queue_a}, {'b': negatives}, [('a', 'b')]
    )
    assert loss.item() == pytest.approx(contrast + mined, rel=1e-6)


def test_gradient_reaches_the_student_only(modality):
    modalities = {'a': modality(0), 'b': modality(1)}
    teachers, students = similarities(modalities)
    students = {name: x.requires_grad_() for name, x in students.items()}
    head()(teachers, students, [('a', 'b')]).backward()
    assert students['b'].grad.abs().sum() > 0
    assert students['a'].grad is None
    # Only the K entries that the teacher has chosen affect the loss.
    chosen = teachers['a'].topk(K, dim=1).indices
    mask = torch.zeros_like(students['b']).scatter_(1, chosen, 1)
    assert (students['b'].grad[mask == 0] == 0).all()


@pytest.mark.parametrize(
    'option', [{'topk': 0}, {'teacher_temperature': 0.0}, {'student_temperature': -0.1}]
)
def test_options_that_make_no_sense_are_told(option):
    ((name, value),) = option.items()
    with pytest.raises(InputError, match=f'{name}={value}'):
        head(**option)

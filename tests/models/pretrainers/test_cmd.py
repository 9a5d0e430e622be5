import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample

from mmcmd.errors import InputError
from mmcmd.models.backbones import kernels

MODALITIES = 'joint', 'motion', 'bone'


@pytest.fixture
def inputs():
    return torch.randn(4, 2, 2, 6, 25, 3, generator=torch.Generator().manual_seed(1))


def plain_step(model, inputs, pairs, tau_t=0.05, tau_s=0.1, k=5):
    """Run a training step of the paper in plain code; return losses, and keys by modality."""
    model = copy.deepcopy(model)
    queries, keys, losses = {}, {}, {}
    for name, query_encoder in model.encoders.items():
        key_encoder = model.key_encoders[name]
        with torch.no_grad():
            for keys_part, queries_part in (
                (key_encoder, query_encoder),
                (model.key_necks[name], model.necks[name]),
            ):
                parts = keys_part.parameters(), queries_part.parameters()
                for own, other in zip(*parts, strict=True):
                    own.copy_(0.9 * own + 0.1 * other)
            for encoder, view, found in (
                (query_encoder, inputs[:, 0], queries),
                (key_encoder, inputs[:, 1], keys),
            ):
                neck = (model.necks if encoder is query_encoder else model.key_necks)[name]
                features = encoder.backbone(encoder.modality(view))
                hidden = (features @ neck.hidden.weight.T + neck.hidden.bias).relu()
                embedding = hidden @ neck.out.weight.T + neck.out.bias
                found[name] = (embedding / embedding.norm(dim=1, keepdim=True)).double()
        queue = model.queues[name].queue.double()
        losses[f'loss_{name}'] = 0.0
        for query, key in zip(queries[name], keys[name], strict=True):
            own = math.exp(query @ key / 0.07)
            others = sum(math.exp(query @ column / 0.07) for column in queue.T)
            losses[f'loss_{name}'] -= math.log(own / (own + others)) / len(inputs)
    losses['loss_cmd'] = 0.0
    for teacher, student in pairs:
        for key, query in zip(keys[teacher], queries[student], strict=True):
            near, indices = (key @ model.queues[teacher].queue.double()).topk(k)
            p = (near / tau_t).softmax(0)
            q = (query @ model.queues[student].queue.double()[:, indices] / tau_s).softmax(0)
            losses['loss_cmd'] += (p * (p / q).log()).sum().item() / len(inputs)
    return losses, keys


@pytest.mark.parametrize(
    ('modalities', 'pairs'),
    [
        (MODALITIES, None),
        (('joint', 'motion'), None),
        (('bone', 'joint'), [('joint', 'bone')]),
    ],
)
def test_step_is_the_paper_s(tiny_cmd, inputs, modalities, pairs):
    model = tiny_cmd(modalities=modalities, pairs=pairs)
    with torch.no_grad():  # make queries and keys different
        for parameter in (*model.encoders.parameters(), *model.necks.parameters()):
            parameter.add_(0.1 * torch.randn_like(parameter))
    pairs = pairs or [(a, b) for a in modalities for b in modalities if a != b]
    expected, keys = plain_step(model, inputs, pairs)

    losses = model(inputs, mode='loss')
    logged = {f'{kind}_{name}' for kind in ('acc', 'std') for name in modalities}
    assert set(losses) == {*expected, *logged}
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4, abs=1e-6), name
    for name in modalities:
        assert torch.allclose(model.queues[name].queue[:, :4].T.double(), keys[name], atol=1e-5)


def test_queues_of_all_modalities_advance_in_lock_step(tiny_cmd, inputs):
    model = tiny_cmd(queue={'type': 'KeyQueue', 'size': 7})
    for pointer in (4, 1, 5):
        model(inputs, mode='loss')
        assert {queue.queue_ptr.item() for queue in model.queues.values()} == {pointer}


def test_one_way_distillation_teaches_the_student_only(tiny_cmd, inputs):
    model = tiny_cmd(pairs=[('joint', 'motion')])
    model(inputs, mode='loss')['loss_cmd'].backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved
    assert all(name.startswith(('encoders.motion.', 'necks.motion.')) for name in moved), moved


def parts(model):
    """Return the modules of the queries, and those of the keys."""
    return (model.encoders, model.necks), (model.key_encoders, model.key_necks)


def test_key_encoders_take_no_gradient_but_follow(tiny_cmd, inputs):
    model = tiny_cmd()
    sum(v for k, v in model(inputs, mode='loss').items() if 'loss' in k).backward()
    assert all(p.grad is None for part in parts(model)[1] for p in part.parameters())
    assert all(p.grad is not None for part in parts(model)[0] for p in part.parameters())
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for part in parts(model)[0]:
            for parameter in part.parameters():
                parameter.add_(1)
    model(inputs, mode='loss')
    for name in ('key_necks.joint.out.bias', 'key_encoders.bone.backbone.rnn.bias_hh_l0'):
        torch.testing.assert_close(model.state_dict()[name], before[name] + 0.1)


def test_query_and_key_encoders_start_equal_also_after_init_weights(tiny_cmd):
    model = tiny_cmd()
    for _ in range(2):
        for queries, keys in zip(*parts(model), strict=True):
            for name, value in queries.state_dict().items():
                assert torch.equal(value, keys.state_dict()[name]), name
        with torch.no_grad():
            model.necks['bone'].out.bias.fill_(7)
        model.init_weights()


@pytest.mark.parametrize(
    'options', [{'modalities': ('joint',)}, {'pairs': ()}, {'distill_head': None}]
)
def test_without_pairs_cmd_is_moco(tiny_cmd, inputs, options):
    model = tiny_cmd()
    baseline = tiny_cmd(seed=1, **options)
    state = {k: v for k, v in model.state_dict().items() if k in baseline.state_dict()}
    baseline.load_state_dict(state)
    losses, expected = baseline(inputs, mode='loss'), model(inputs, mode='loss')
    assert 'loss_cmd' not in losses
    assert torch.equal(losses['loss_joint'], expected['loss_joint'])
    assert torch.equal(baseline.queues['joint'].queue, model.queues['joint'].queue)


@pytest.mark.parametrize('kernel', ['batched', 'triton'])
def test_streams_that_run_together_take_the_step_of_streams_apart(
    tiny_cmd, inputs, monkeypatch, kernel
):
    real, together = kernels.batched_gru, []
    monkeypatch.setattr(
        kernels, 'batched_gru', lambda x, *args: together.append(len(x)) or real(x, *args)
    )

    def step(**options):
        backbone = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 2}
        model = tiny_cmd(backbone=backbone | options)
        losses = model.loss(inputs)
        sum(x for name, x in losses.items() if 'loss' in name).backward()
        grads = {name: x.grad for name, x in model.named_parameters() if x.requires_grad}
        return losses | grads | model.state_dict()

    expected = step()
    assert not together
    torch.testing.assert_close(step(kernel=kernel), expected)
    assert together == [3, 3], 'keys of all streams, and queries of all streams'


def test_feature_is_the_query_encoder_s_before_the_projection(tiny_cmd):
    model = tiny_cmd().eval()
    joints = torch.randn(3, 2, 6, 25, 3)
    for name in MODALITIES:
        feature = model.extract_feat(joints, modality=name)
        assert feature.shape == (3, 8)
        embedding = F.normalize(model.necks[name](feature), dim=1)
        torch.testing.assert_close(embedding, model.query(joints, name))
    assert torch.equal(model(joints), model.extract_feat(joints, 'joint'))


def test_predict_stores_the_mean_feature_of_the_clips_by_modality(tiny_cmd):
    model = tiny_cmd().eval()
    clips = torch.randn(3, 2, 2, 6, 25, 3)
    samples = model(clips, [ActionDataSample() for _ in range(3)], mode='predict')
    for name in MODALITIES:
        expected = (
            model.extract_feat(clips[:, 0], name) + model.extract_feat(clips[:, 1], name)
        ) / 2
        found = torch.stack([sample.feats[name] for sample in samples])
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'distill_head': {'type': 'CMDHead', 'topk': 13}}, r'topk=13.*queue\.size=12'),
        ({'pairs': [('joint', 'joint')]}, 'two different'),
        ({'pairs': [('joint', 'smell')]}, 'smell'),
        ({'modalities': ('joint', 'smell')}, "no modality 'smell'"),
        ({'layout': 'alien'}, "no skeleton layout 'alien'"),
    ],
)
def test_options_that_do_not_fit_are_told(tiny_cmd, options, message):
    with pytest.raises(InputError, match=message):
        tiny_cmd(**options)

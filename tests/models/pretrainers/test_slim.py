"""SLiM: its loss restated clip by clip, its teacher, and the views that it refuses."""

from math import cos, pi

import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax

from mmcmd.errors import InputError
from mmcmd.models.prototypes import koleo, sinkhorn
from mmcmd.registry import MODELS

BACKBONE = {'type': 'RotaryTransformer', 'clip_len': 16, 'patch_frames': 2, 'embed_dims': 8}
BACKBONE |= {'depth': 2, 'num_heads': 2}
NECK = {'hidden_channels': 12, 'bottleneck_channels': 6, 'out_channels': 10}
FRAMES = {'global': 16, 'long': 8, 'medium': 4, 'short': 2}


@pytest.fixture
def make():
    """Return a function: options -> a tiny SLiM whose teacher is not its student."""

    def build(**options):
        torch.manual_seed(0)
        config = {'type': 'SLiM', 'modalities': ['joint'], 'backbone': BACKBONE, 'neck': NECK}
        model = MODELS.build({**config, **options})
        for parameter in (*model.students.parameters(), *model.student_necks.parameters()):
            torch.nn.init.normal_(parameter, std=0.3)
        return model

    return build


@pytest.fixture
def views():
    """Return the groups of views of 3 samples."""
    generator = torch.Generator().manual_seed(1)
    numbers = {'global': 2, 'long': 2, 'medium': 4, 'short': 2}
    return {
        group: torch.randn(3, number, 1, FRAMES[group], 25, 3, generator=generator)
        for group, number in numbers.items()
    }


def encode(model, encoders, group, index, views, masks=None):
    """Return class and patch tokens of one sample and one view."""
    sample, view = index
    masked = None if masks is None else masks[group][view * 3 + sample][None]
    backbone = encoders['joint'].backbone
    return backbone.encode(views[group][sample, view][None], masked)


def test_terms_are_those_of_a_plain_program(make, views):
    model = make()
    clips = {group: x.transpose(0, 1).flatten(0, 1) for group, x in views.items()}
    model.set_progress(0, 0.1, seed=3)
    masks = {group: model.draw_masks('joint', group, x) for group, x in clips.items()}
    found, _ = model.terms('joint', clips, masks)

    temperature = 0.04 + 0.03 * 0.1 / 0.2
    teacher, student = model.necks['joint'], model.student_necks['joint']
    pairs = [(sample, view) for view in (0, 1) for sample in range(3)]
    whole = {index: encode(model, model.encoders, 'global', index, views) for index in pairs}
    assigned = sinkhorn(teacher['class'](torch.cat([whole[x][0] for x in pairs])), temperature)
    assigned = dict(zip(pairs, assigned, strict=True))
    seen = {
        group: {
            (sample, view): encode(model, model.students, group, (sample, view), views, masks)
            for sample in range(3)
            for view in range(x.shape[1])
        }
        for group, x in views.items()
    }

    def cross_entropy(target, head, token):
        return -(target * log_softmax(head(token) / 0.1, dim=-1)).sum()

    head, terms = student['class'], {'global': 0, 'local': 0, 'masked': 0}
    for sample, view in pairs:
        token = seen['global'][sample, view][0]
        terms['global'] += cross_entropy(assigned[sample, 1 - view], head, token) / 3 / 18
        for group in ('long', 'medium', 'short'):
            for (other, _), (token, _) in seen[group].items():
                if other == sample:
                    loss = cross_entropy(assigned[sample, view], head, token)
                    terms['local'] += loss / 3 / 18
    places = {(s, v): masks['global'][v * 3 + s].nonzero()[:, 0] for s, v in pairs}
    tokens = torch.cat([whole[x][1][0, places[x]] for x in pairs])
    targets = sinkhorn(teacher['patch'](tokens), temperature)
    targets = dict(zip(pairs, targets.split([len(places[x]) for x in pairs]), strict=True))
    for index in pairs:
        if len(places[index]):
            given = seen['global'][index][1][0, places[index]]
            loss = cross_entropy(targets[index], student['patch'], given) / len(places[index])
            terms['masked'] += loss / 6
    spread = [
        koleo(torch.cat([seen['global'][sample, view][0] for sample in range(3)]))
        for view in (0, 1)
    ]
    terms['koleo'] = 0.1 * sum(spread)
    assert set(found) == set(terms)
    for name, expected in terms.items():
        torch.testing.assert_close(found[name], expected, msg=name)


def test_loss_is_the_sum_of_its_terms_and_trains_the_student_alone(make, views):
    model = make()
    losses = model(views, mode='loss')
    parts = [losses[f'{x}_joint'] for x in ('global', 'local', 'koleo', 'masked')]
    torch.testing.assert_close(losses['loss_joint'], sum(parts))
    losses['loss_joint'].backward()
    trained = [*model.students.parameters(), *model.student_necks.parameters()]
    assert all(x.grad is not None for x in trained)
    others = [*model.encoders.parameters(), *model.necks.parameters()]
    assert not any(x.requires_grad for x in others)


def test_half_of_the_global_views_and_all_local_ones_are_masked(make, views):
    model = make()
    clips = {group: x.transpose(0, 1).flatten(0, 1) for group, x in views.items()}
    for seed in range(3):
        model.set_progress(0, 0.0, seed)
        masked = {
            group: model.draw_masks('joint', group, x).any(dim=1) for group, x in clips.items()
        }
        assert masked.pop('global').sum() == 3
        assert all(x.all() for x in masked.values())


def test_same_seed_gives_the_same_masks(make, views):
    model, found = make(), []
    for seed in (5, 5, 6):
        model.set_progress(0, 0.0, seed)
        found.append(model(views, mode='loss')['loss_joint'])
    assert found[0] == found[1] != found[2]


def test_teacher_moves_after_the_step_by_the_scheduled_momentum(make):
    model = make(momentum=0.1)
    for step in range(6):
        model.set_progress(0, step / 6, 0, 6)
        pairs = [
            (x, x.clone(), y.clone())
            for x, y in zip(
                (*model.encoders.parameters(), *model.necks.parameters()),
                (*model.students.parameters(), *model.student_necks.parameters()),
                strict=True,
            )
        ]
        model.after_step()
        kept = 1 - 0.1 * (1 + cos(pi * step / 6)) / 2
        for found, teacher, student in pairs:
            torch.testing.assert_close(found, kept * teacher + (1 - kept) * student)


def test_temperature_rises_as_linspace_and_stays(make):
    model = make(temperature_warmup=0.25)
    expected = np.concatenate([np.linspace(0.04, 0.07, 10), np.full(30, 0.07)])
    for step, value in enumerate(expected):
        model.set_progress(0, step / 40, 0, 40)
        assert model.current_temperature() == pytest.approx(value, rel=1e-12)


def test_teacher_starts_as_the_student(make):
    model = make()
    model.init_weights()
    for one, two in zip(model.encoders.parameters(), model.students.parameters(), strict=True):
        assert torch.equal(one, two)


def test_evaluations_use_the_teacher(make):
    model = make(pooling={'type': 'PersonPooling', 'join': True}).eval()
    joints = torch.randn(2, 2, 16, 25, 3)
    found = model(joints)
    assert found.shape == (2, 2 * 2 * 8)
    torch.testing.assert_close(found, model.encoders['joint'](joints))


def test_views_that_the_pipeline_does_not_make_are_refused(make, views):
    del views['short']
    with pytest.raises(InputError, match=r'SLiM takes the groups .* short \(2 views\) of each'):
        make()(views, mode='loss')


def test_views_of_two_persons_are_refused(make, views):
    views = {group: x.repeat(1, 1, 2, 1, 1, 1) for group, x in views.items()}
    with pytest.raises(InputError, match='SLiM takes views of one person, but they have 2'):
        make()(views, mode='loss')


@pytest.mark.parametrize('momentum', [-0.1, 1.1])
def test_momentum_that_is_no_share_is_refused(make, momentum):
    with pytest.raises(InputError, match='momentum is the fraction taken from the student'):
        make(momentum=momentum)


def test_checkpoint_of_a_teacher_of_another_size_is_told(make):
    state = make().state_dict()
    other = make(backbone={**BACKBONE, 'embed_dims': 16})
    with pytest.raises(RuntimeError, match='size mismatch for encoders'):
        other.load_state_dict(state)

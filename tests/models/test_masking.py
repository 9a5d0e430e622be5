import re

import pytest
import torch

from mmcmd.errors import InputError
from mmcmd.models.masking import BodyPartMask, body_parts, first_person_alone, masked_mse
from mmcmd.skeletons import LAYOUTS, get_layout

OWN = {'name': 'own', 'joints': ('a', 'b'), 'parents': (0, 0), 'centre': 0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_frames', [64, 20])
def test_three_whole_parts_are_masked_in_each_stretch(layout, num_frames):
    mask, parts = BodyPartMask(layout), get_layout(layout).parts
    masked = mask.draw(generator(), num_frames)
    kept = mask.kept(masked, num_frames)
    assert kept.shape == (num_frames, get_layout(layout).num_joints)
    for frame in range(num_frames):
        hidden = {p for p in range(5) if not kept[frame, list(parts[p])].any()}
        visible = {p for p in range(5) if kept[frame, list(parts[p])].all()}
        assert hidden == set(masked[frame // 8].tolist())
        assert (len(hidden), len(visible)) == (3, 2)


def test_parts_are_drawn_equally_often_and_anew_in_each_stretch():
    masked = BodyPartMask().draw(generator(), 8 * 2000)
    counts = torch.bincount(masked.flatten(), minlength=5)
    assert counts.sum() == 6000
    assert ((counts - 1200).abs() < 120).all()
    assert len({tuple(sorted(x)) for x in masked.tolist()}) == 10  # all choices of 3 of 5


def test_the_same_generator_draws_the_same_mask():
    masks = [BodyPartMask().draw(generator(seed), 64) for seed in (1, 1, 2)]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_only_the_first_person_is_masked():
    kept = torch.tensor([[True, False], [False, True], [True, True]])
    found = first_person_alone(kept, 3)
    assert found.shape == (3, 3, 2, 1)
    assert torch.equal(found[0, :, :, 0], kept)
    assert found[1:].all()


def test_error_is_the_mean_over_masked_coordinates():
    prediction, target = torch.randn(2, 4, 2, 3, 5, 3, generator=generator()).unbind(0)
    kept = first_person_alone(torch.rand(3, 5, generator=generator()) > 0.4, 2)
    errors = [
        (prediction[n, 0, t, v, c] - target[n, 0, t, v, c]).item() ** 2
        for n in range(4)
        for t in range(3)
        for v in range(5)
        for c in range(3)
        if not kept[0, t, v]
    ]
    found = masked_mse(prediction, target, kept)
    assert found.item() == pytest.approx(sum(errors) / len(errors), rel=1e-5)


def test_layout_without_parts_is_told():
    for call in (body_parts, BodyPartMask):
        with pytest.raises(InputError, match="layout 'own' has no body parts"):
            call(OWN)


@pytest.mark.parametrize('options', [{'ratio': 0.1}, {'ratio': 1.0}, {'frames': 0}])
def test_mask_of_nothing_or_of_everything_is_refused(options):
    text = ', '.join(f'{key}={value}' for key, value in options.items())
    with pytest.raises(InputError, match=re.escape(text)):
        BodyPartMask(**options)

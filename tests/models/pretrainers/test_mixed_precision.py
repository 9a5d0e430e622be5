"""Mixed precision: encoders use 16 bits, similarities and losses 32 bits."""

import pytest
import torch

INPUTS = torch.randn(4, 2, 2, 6, 25, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=[torch.bfloat16, torch.float16], ids=['bfloat16', 'float16'])
def dtype(request):
    return request.param


def test_similarities_and_losses_are_float32_and_encoders_are_not(tiny_cmd, dtype, device):
    model = tiny_cmd().to(device)
    seen = {'backbone': [], 'heads': [], 'distill': []}
    for neck in (*model.necks.values(), *model.key_necks.values()):
        neck.hidden.register_forward_hook(
            lambda module, args, output: seen['backbone'].append(output.dtype)
        )
    model.head.register_forward_pre_hook(
        lambda module, args: seen['heads'].extend(x.dtype for x in args)
    )
    model.distill_head.register_forward_pre_hook(
        lambda module, args: seen['distill'].extend(
            x.dtype for side in args[:2] for x in side.values()
        )
    )
    with torch.autocast(device, dtype):
        losses = model(INPUTS.to(device), mode='loss')
    assert set(seen['backbone']) == {dtype}
    assert set(seen['heads']) == set(seen['distill']) == {torch.float32}
    assert {x.dtype for x in losses.values()} == {torch.float32}


def test_similarities_are_those_of_float32_to_the_last_bit(tiny_cmd, dtype, device):
    queue = tiny_cmd().to(device).queues['joint']
    embeddings = torch.nn.functional.normalize(torch.randn(5, 6, device=device), dim=1)
    expected = embeddings @ queue.queue
    with torch.autocast(device, dtype):
        assert torch.equal(queue.similarities(embeddings), expected)
        assert (embeddings @ queue.queue).dtype == dtype, 'what it would be otherwise'


def test_gradients_are_float32_and_close_to_those_of_float32(tiny_cmd, dtype, device):
    # A smooth model: with a ReLU or a top-k, rounding could switch a unit or exchange a key.
    model = tiny_cmd(distill_head={'type': 'CMDHead', 'topk': 12}).to(device)
    for neck in model.necks.values():
        neck.activation = torch.nn.Softplus()
    state = {name: x.clone() for name, x in model.state_dict().items()}

    def gradient():
        model.load_state_dict(state)
        model.zero_grad()
        losses = model(INPUTS.to(device), mode='loss')
        sum(x for name, x in losses.items() if name.startswith('loss')).backward()
        grads = [x.grad for part in (model.encoders, model.necks) for x in part.parameters()]
        assert {x.dtype for x in grads} == {torch.float32}
        return torch.cat([x.flatten() for x in grads])

    expected = gradient()
    with torch.autocast(device, dtype):
        found = gradient()
    assert torch.cosine_similarity(found, expected, dim=0) > 0.99
    assert not torch.equal(found, expected)

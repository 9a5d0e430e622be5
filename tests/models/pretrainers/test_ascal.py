"""AS-CAL equals plain loops; its first epoch only fills the queue."""

import copy
import math

import pytest
import torch

from mmcmd.errors import InputError

TAU = 0.06
LSTM = {'type': 'LSTM', 'hidden_size': 5, 'num_layers': 1, 'with_norm': False, 'order': 'cvm'}


@pytest.fixture
def make(make_method):
    """Return a function: options -> a tiny AS-CAL with different weights for queries and keys."""

    def build(**options):
        config = {
            'modalities': ('joint',),
            'backbone': LSTM,
            'neck': None,
            'pooling': {'type': 'GraphPooling'},
            'queue': {'type': 'KeyQueue', 'size': 12, 'normalized': False},
            'head': {'type': 'MoCoHead', 'temperature': TAU},
        }
        return make_method('ASCAL', **(config | options))

    return build


def mean_output(rnn, clip):
    """Run an LSTM frame by frame over a clip (M, T, V, C); return the mean of its outputs."""
    w_x, w_h, b_x, b_h = rnn.parameters()
    h = c = torch.zeros(w_h.shape[1], dtype=clip.dtype)
    outputs = []
    for t in range(clip.shape[1]):
        # Channel 50 c + 2 v + m is coordinate c of joint v of person m.
        x = torch.stack([clip[m, t, v, k] for k in range(3) for v in range(25) for m in range(2)])
        i, f, g, o = (w_x @ x + b_x + w_h @ h + b_h).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return sum(outputs) / len(outputs)


def test_step_is_the_paper_s(make, views):
    model, inputs = make(fill_epochs=0), views(2).double()
    before = copy.deepcopy(model)
    query, key = (x.joint.backbone.rnn for x in (before.encoders, before.key_encoders))
    terms, keys = [], []
    with torch.no_grad():
        for own, other in zip(key.parameters(), query.parameters(), strict=True):
            own.copy_(0.9 * own + 0.1 * other)
        for sample in inputs:
            q, k = mean_output(query, sample[0]), mean_output(key, sample[1])
            logits = [(q @ x).item() / TAU for x in (k, *before.queues.joint.queue.T)]
            terms.append(math.log(sum(map(math.exp, logits))) - logits[0])
            keys.append(k)
    losses = model(inputs, mode='loss')
    assert losses['loss_joint'].item() == pytest.approx(sum(terms) / len(terms), rel=1e-9)
    torch.testing.assert_close(model.queues.joint.queue[:, :4].T, torch.stack(keys))
    losses['loss_joint'].backward()
    trained = {name.split('.')[0] for name, x in model.named_parameters() if x.grad is not None}
    assert trained == {'encoders'}


def test_first_epoch_fills_the_queue_and_trains_nothing(make, views):
    model, inputs = make(), views(2).double()
    model.init_weights()  # key encoders start as copies
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9, weight_decay=0.1)
    start = {name: x.clone() for name, x in model.state_dict().items()}
    for epoch in (0, 0, 1, 1):
        model.set_progress(epoch, 0.0, seed=0)
        loss, _ = model.parse_losses(model(inputs, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = model.state_dict()
        moved = {name for name, x in state.items() if not torch.equal(x, start[name])}
        if epoch == 0:
            assert moved == {'queues.joint.queue', 'queues.joint.queue_ptr'}
            assert not optimizer.state  # the optimiser has no momentum either
    assert {'encoders', 'key_encoders'} <= {name.split('.')[0] for name in moved}


def test_training_lowers_the_loss(make, views):
    model, inputs = make(fill_epochs=0), views(2).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    found = []
    for _ in range(15):
        loss = model(inputs, mode='loss')['loss_joint']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert sum(found[-3:]) < 0.8 * sum(found[2:5])


def test_queue_takes_keys_of_the_feature_s_size(make):
    model = make()
    assert model.queues.joint.queue.shape == (5, 12)
    assert not list(model.necks.parameters())


def test_epochs_that_cannot_be_are_told(make):
    with pytest.raises(InputError, match='fill_epochs=-1 of ASCAL must not be negative'):
        make(fill_epochs=-1)


def test_float16_is_refused_while_the_queue_fills(make, views):
    # The loss scaler of float16 raises an AssertionError if no parameter has a gradient.
    gru = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1}
    model, inputs = make(backbone=gru).float(), views(2)
    with torch.autocast('cpu', torch.float16):
        with pytest.raises(InputError, match='use --amp --amp-dtype bfloat16'):
            model(inputs, mode='loss')
        model.set_progress(1, 0.0, seed=0)
        assert model(inputs, mode='loss')['loss_joint'].isfinite()
    model.set_progress(0, 0.0, seed=0)
    with torch.autocast('cpu', torch.bfloat16):
        assert model(inputs, mode='loss')['loss_joint'].isfinite()

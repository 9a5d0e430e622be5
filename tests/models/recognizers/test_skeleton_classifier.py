import copy

import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.runner.checkpoint import CheckpointLoader

from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_encoders
from mmcmd.registry import MODELS

LABELS = 0, 3, 1


@pytest.fixture
def make():
    def make(pretrained='random', hidden_size=4, **options):
        torch.manual_seed(5)
        config = {
            'type': 'SkeletonClassifier',
            'backbone': {'type': 'BiGRU', 'hidden_size': hidden_size, 'num_layers': 1},
            'head': {'type': 'LinearHead', 'in_channels': 2 * hidden_size, 'num_classes': 4},
            'pretrained': pretrained,
        }
        return MODELS.build(config | options)

    return make


@pytest.fixture
def batch():
    inputs = torch.randn(3, 1, 2, 6, 25, 3, generator=torch.Generator().manual_seed(2))
    return inputs, [ActionDataSample().set_gt_labels(label) for label in LABELS]


@pytest.fixture
def checkpoint(tiny_cmd, tmp_path):
    """Return a function: options of the pre-training -> its model and checkpoint file."""

    def make(**options):
        model = tiny_cmd(**options)
        with torch.no_grad():  # makes query and key encoder different
            for parameter in model.encoders.parameters():
                parameter.add_(torch.randn_like(parameter))
        torch.save({'state_dict': model.state_dict()}, tmp_path / 'pretrained.pth')
        return model, tmp_path / 'pretrained.pth'

    return make


def train_step(model, batch, lr=0.5):
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr)
    losses = model(*batch, mode='loss')
    sum(losses.values()).backward()
    optimizer.step()
    return losses


def test_only_the_heads_of_a_frozen_classifier_move(make, batch):
    model = make()
    before = copy.deepcopy(model.state_dict())
    for _ in range(2):
        train_step(model, batch)
    moved = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    names = {f'heads.{m}.fc.{p}' for m in ('joint', 'motion', 'bone') for p in ('weight', 'bias')}
    assert moved == names


def test_frozen_encoders_build_no_graph_of_gradients(make, batch):
    inputs, _ = batch
    assert make().train().encode(inputs).grad_fn is None
    assert make(frozen=False).train().encode(inputs).grad_fn is not None


def test_features_may_take_the_place_of_coordinates(make, batch):
    inputs, samples = batch
    model = make()
    feats = model.encode(torch.cat([inputs, inputs.flip(3)], dim=1))
    assert feats.shape == (3, 2, 3, 8), 'sequences, clips, modalities, size'
    both, flipped = model(inputs), model(inputs.flip(3))
    for name, scores in model(feats).items():
        torch.testing.assert_close(scores, (both[name] + flipped[name]) / 2)
    assert model(feats, samples, mode='loss').keys() == model(*batch, mode='loss').keys()


def test_frozen_encoders_stay_in_eval_mode(make):
    model = make().train()
    assert not any(module.training for module in model.encoders.modules())
    assert all(module.training for module in model.heads.modules())
    assert all(module.training for module in make(frozen=False).train().modules())


def test_everything_moves_in_fine_tuning(make, batch):
    model = make(frozen=False)
    before = copy.deepcopy(model.state_dict())
    for _ in range(2):
        train_step(model, batch)
    still = [name for name, value in model.state_dict().items() if value.equal(before[name])]
    assert not still


def test_loss_is_the_cross_entropy_of_each_modality(make, batch):
    model = make()
    scores = model(*batch)
    for name, value in model(*batch, mode='loss').items():
        probabilities = scores[name.removeprefix('loss_')].softmax(dim=1)
        expected = -sum(probabilities[n, label].log() for n, label in enumerate(LABELS)) / 3
        torch.testing.assert_close(value, expected)
    assert list(scores) == ['joint', 'motion', 'bone']


def test_modalities_trained_together_learn_as_each_alone(make, batch):
    together, alone = make(), make(modalities=('motion',))
    alone.load_state_dict({k: v for k, v in together.state_dict().items() if '.motion.' in k})
    for model in (together, alone):
        train_step(model, batch)
    torch.testing.assert_close(together.heads['motion'].fc.weight, alone.heads['motion'].fc.weight)


def test_prediction_is_the_softmax_and_their_average(make, batch):
    model = make().eval()
    for head in model.heads.values():
        torch.nn.init.normal_(head.fc.weight)
    with torch.no_grad():
        scores = {name: F.softmax(x, dim=1) for name, x in model(*batch).items()}
        samples = model(*batch, mode='predict')
    for n, sample in enumerate(samples):
        assert sample.streams == ('joint', 'motion', 'bone', '3s')
        average = sum(x[n] for x in scores.values()) / 3
        torch.testing.assert_close(sample.pred_scores.get('3s'), average)
        for name, x in scores.items():
            torch.testing.assert_close(sample.pred_scores.get(name), x[n])


def test_one_modality_has_no_average(make, batch):
    samples = make(modalities=('bone',)).eval()(*batch, mode='predict')
    assert samples[0].streams == ('bone',)


def test_encoders_are_what_is_loaded(make, checkpoint):
    model, path = checkpoint()
    classifier = make(str(path))
    classifier.init_weights()
    joints = torch.randn(3, 2, 6, 25, 3)
    for name in ('joint', 'motion', 'bone'):
        expected = model.eval().extract_feat(joints, name)
        torch.testing.assert_close(classifier.eval().extract_feat(joints, name), expected)


def test_no_encoder_given_is_told(make):
    with pytest.raises(InputError, match='--pretrained CHECKPOINT'):
        make(None).init_weights()
    make('random').init_weights()


def test_checkpoint_without_a_modality_is_told(make, checkpoint):
    _, path = checkpoint(modalities=('joint', 'bone'))
    told = r"pretrained\.pth.*'motion', only for joint, bone; set model\.modalities=\[joint,bone\]"
    with pytest.raises(InputError, match=told):
        make(str(path)).init_weights()
    make(str(path), modalities=('bone',)).init_weights()


def test_checkpoint_of_another_architecture_is_told(make, checkpoint):
    _, path = checkpoint()
    with pytest.raises(InputError, match=r'pretrained\.pth.*another architecture.*rnn\.weight'):
        make(str(path), hidden_size=3).init_weights()


def test_encoders_of_a_classifier_can_be_taken_up(make, tmp_path):
    trained = make(frozen=False)
    with torch.no_grad():
        for parameter in trained.encoders.parameters():
            parameter.add_(torch.randn_like(parameter))
    torch.save({'state_dict': trained.state_dict()}, tmp_path / 'finetuned.pth')
    classifier = make(str(tmp_path / 'finetuned.pth'))
    classifier.init_weights()
    for name, value in trained.encoders.state_dict().items():
        assert torch.equal(classifier.encoders.state_dict()[name], value), name


def test_a_checkpoint_is_read_once_for_all_streams(make, checkpoint, monkeypatch):
    _, path = checkpoint()
    classifier, read, files = make(str(path)), CheckpointLoader.load_checkpoint, []
    monkeypatch.setattr(
        CheckpointLoader, 'load_checkpoint', lambda *x, **y: files.append(x) or read(*x, **y)
    )
    classifier.init_weights()
    assert len(classifier.streams) == 3
    assert len(files) == 1


def test_checkpoint_without_encoders_is_told(make, tmp_path):
    torch.save({'state_dict': {'backbone.conv.weight': torch.ones(2)}}, tmp_path / 'other.pth')
    with pytest.raises(InputError, match=r'other\.pth .* not a checkpoint of a model with'):
        make(str(tmp_path / 'other.pth')).init_weights()


def test_key_encoder_and_projection_are_left_out(make, checkpoint):
    model, path = checkpoint()
    encoder = make().encoders['joint']
    load_encoders(str(path), {'joint': encoder})
    for name, value in model.encoders['joint'].state_dict().items():
        assert torch.equal(encoder.state_dict()[name], value), name


def test_fusion_weights_of_modalities_that_are_absent_are_left_out():
    config = {
        'type': 'SkeletonClassifier',
        'modalities': ['joint', 'bone'],
        'backbone': {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1},
        'head': {'type': 'LinearHead', 'num_classes': 3},
    }
    weights = {'joint': 0.6, 'motion': 0.4, 'bone': 0.6}
    model = MODELS.build(config | {'fusion': {'softmax': False, 'weights': weights}})
    assert model.fusion == {'softmax': False, 'weights': {'joint': 0.6, 'bone': 0.6}}
    with pytest.raises(InputError, match=r"but got .*'left': 1"):
        MODELS.build(config | {'fusion': {'weights': {'left': 1}}})


@pytest.mark.parametrize('softmax', [True, False])
def test_fusion_weighs_probabilities_or_scores(make, batch, softmax):
    weights = {'joint': 0.6, 'motion': 0.4}
    model = make(fusion={'softmax': softmax, 'weights': weights}).eval()
    for head in model.heads.values():
        torch.nn.init.normal_(head.fc.weight)
    with torch.no_grad():
        scores, samples = model(*batch), model(*batch, mode='predict')
    for n, sample in enumerate(samples):
        parts = {name: x[n].softmax(dim=0) if softmax else x[n] for name, x in scores.items()}
        joined = 0.6 * parts['joint'] + 0.4 * parts['motion'] + parts['bone']
        expected = joined / 2 if softmax else joined.softmax(dim=0)
        torch.testing.assert_close(sample.pred_scores.get('3s'), expected)


def test_joint_loss_is_the_cross_entropy_of_the_mean_score(make, batch):
    model = make(joint_loss=True)
    scores = sum(model(*batch).values()) / 3
    (name, loss), *others = model(*batch, mode='loss').items()
    assert (name, others) == ('loss_fused', [])
    torch.testing.assert_close(loss, F.cross_entropy(scores, torch.tensor(LABELS)))
    loss.backward()
    assert all(head.fc.weight.grad.any() for head in model.heads.values())


def test_trained_encoders_may_keep_their_statistics(make, batch):
    model = make(frozen=False, norm_eval=True).train()
    before = copy.deepcopy(model.state_dict())
    for _ in range(2):
        train_step(model, batch)
    after = model.state_dict()
    moved = {name for name, value in after.items() if not value.equal(before[name])}
    assert 'encoders.joint.backbone.rnn.weight_hh_l0' in moved
    assert not any('running_' in name for name in moved)

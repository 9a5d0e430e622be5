"""The API without a runner gives the same results as the runner."""

import json

import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.config import Config

from mmcmd.apis import (
    build_loader,
    extract_features,
    init_model,
    load_config,
    predict_scores,
)
from mmcmd.errors import InputError
from mmcmd.evaluation import knn_predict

CMD = 'cmd/cmd_bigru_ntu60_xsub.py'
LINEAR = 'benchmarks/linear.py'
GALLERY = 'test_cfg.gallery_dataloader'


def load(path, options):
    config = Config.fromfile(path)
    config.merge_from_dict(dict(options))
    return config


@pytest.fixture
def config(root, tiny_options):
    return load(root / 'configs' / CMD, tiny_options)


def predicted(model, loader):
    """Return what the runner's loops are given: one data sample a sequence."""
    with torch.no_grad():
        return [sample for batch in loader for sample in model.test_step(batch)]


def test_features_are_those_of_the_predict_path(config, pretrained):
    model = init_model(config, pretrained / 'epoch_2.pth')
    features, labels = extract_features(model, build_loader(config))
    samples = predicted(model, build_loader(config))
    assert labels.tolist() == [sample.gt_labels.item.item() for sample in samples]
    assert list(features) == ['joint', 'motion', 'bone']
    for name, rows in features.items():
        assert torch.equal(rows, torch.stack([sample.feats[name] for sample in samples])), name
    assert not torch.equal(features['joint'], features['motion'])


def test_nearest_neighbours_of_the_features_give_the_run_s_accuracies(config, pretrained):
    model = init_model(config, pretrained / 'epoch_2.pth')
    gallery, gallery_labels = extract_features(model, build_loader(config, GALLERY))
    queries, labels = extract_features(model, build_loader(config))
    assert (len(gallery_labels), len(labels)) == (15, 9)
    results = json.loads((pretrained / 'results.json').read_text())
    for name, metric in (('joint', 'top1'), ('motion', 'motion_top1'), ('bone', 'bone_top1')):
        unit = (F.normalize(streams[name], dim=1) for streams in (queries, gallery))
        right = (knn_predict(*unit, gallery_labels) == labels).double().mean().item()
        assert right == pytest.approx(results[f'knn/{metric}']['last']), metric


def test_features_of_several_clips_are_averaged(config):
    model = init_model(config)
    clips = torch.randn(1, 3, 2, 8, 25, 3, generator=torch.Generator().manual_seed(0))

    def extract(inputs):
        sample = ActionDataSample().set_gt_labels(2)
        features, labels = extract_features(
            model, [{'inputs': [*inputs], 'data_samples': [sample]}]
        )
        assert labels.tolist() == [2]
        return features['motion']

    alone = [extract(clips[:, [index]]) for index in range(3)]
    torch.testing.assert_close(extract(clips), sum(alone) / 3)


def test_model_is_in_eval_and_has_the_checkpoint_s_weights(config, pretrained):
    model = init_model(config, pretrained / 'epoch_2.pth')
    saved = torch.load(pretrained / 'epoch_2.pth', weights_only=True)['state_dict']
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())


def test_config_may_be_a_file(root):
    with pytest.raises(InputError, match=r'mmcmd convert'):
        build_loader(root / 'configs' / CMD)


def test_checkpoint_of_another_architecture_is_one_sentence(config, pretrained):
    config.model.backbone.hidden_size = 5
    config.model.neck.in_channels = 10
    with pytest.raises(InputError, match=r'epoch_2\.pth has another architecture') as error:
        init_model(config, pretrained / 'epoch_2.pth')
    assert '\n' not in str(error.value)


def test_missing_checkpoint_is_told(config, tmp_path):
    with pytest.raises(InputError, match=r'nothing\.pth does not exist'):
        init_model(config, tmp_path / 'nothing.pth')


def test_scores_are_the_probabilities_that_the_metric_counts(
    root, tiny_linear_options, make_runner, tmp_path
):
    config = load(root / 'configs' / LINEAR, tiny_linear_options)
    torch.manual_seed(0)
    model = init_model(config)
    for head in model.heads.values():
        torch.nn.init.normal_(head.fc.weight)  # so that the streams differ
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'classifier.pth')

    model = init_model(config, tmp_path / 'classifier.pth')
    scores, labels = predict_scores(model, build_loader(config))
    samples = predicted(model, build_loader(config))
    for name, rows in scores.items():
        assert rows.shape == (9, 4)
        assert (rows >= 0).all()
        torch.testing.assert_close(rows.sum(dim=1), torch.ones(9))
        expected = torch.stack([sample.pred_scores.get(name) for sample in samples])
        assert torch.equal(rows, expected), name

    options = tiny_linear_options | {'load_from': str(tmp_path / 'classifier.pth')}
    metrics = make_runner(LINEAR, tmp_path, options).test()
    scores['3s'] = sum(scores.values())
    for name, rows in scores.items():
        right = (rows.argmax(dim=1) == labels).double().mean().item()
        assert right == pytest.approx(metrics[f'acc/{name}_top1']), name
    assert len({metrics[f'acc/{name}_top1'] for name in scores}) > 1


@pytest.mark.parametrize('stream', ['joint', 'bone'])
def test_one_stream_of_several_is_taken_from_a_checkpoint(root, pretrained, stream):
    knn, file = root / 'configs/benchmarks/knn.py', str(pretrained / 'epoch_2.pth')
    cfg = load_config(knn, checkpoint=file, options={'model.modalities': [stream]})
    model = init_model(cfg, file)
    assert model.streams == (stream,)
    state = torch.load(file, weights_only=True)['state_dict']
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name]), name

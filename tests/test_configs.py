"""Every config loads, builds at its full size and fits its data; on `meta`, so without memory."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmcv.transforms import Compose
from mmengine.config import Config

from mmcmd.registry import DATA_SAMPLERS, LOOPS, METRICS, MODELS, TRANSFORMS
from mmcmd.skeletons import get_layout

CONFIGS = Path(__file__).parents[1] / 'configs'
NAMES = sorted(
    str(path.relative_to(CONFIGS))
    for path in CONFIGS.rglob('*.py')
    if '_base_' not in path.relative_to(CONFIGS).parts
)
LOADERS = 'train_dataloader', 'val_dataloader', 'test_dataloader'


@pytest.fixture(params=NAMES)
def cfg(request):
    return read(request.param)


@cache
def read(name):
    return Config.fromfile(CONFIGS / name)


def loaders(cfg):
    """Return every data loader of a config, galleries included, by name."""
    found = {name: cfg[name] for name in LOADERS if name in cfg}
    for loop in ('val_cfg', 'test_cfg'):
        if 'gallery_dataloader' in cfg.get(loop, {}):
            found[f'{loop}.gallery_dataloader'] = cfg[loop].gallery_dataloader
    return found


def build(config):
    with torch.device('meta'):
        return MODELS.build(config)


def one_config_a_model():
    """List a config for each different model."""
    return list({read(name).model.__repr__(): name for name in reversed(NAMES)}.values())


@pytest.mark.parametrize('name', one_config_a_model())
def test_full_size_model_takes_what_the_pipelines_give(name):
    cfg = read(name)
    layout = get_layout(cfg.layout)
    length = 4  # no model depends on it, and on `meta` every frame of a GRU takes long
    model = build(cfg.model)
    if cfg.model.type == 'SkeletonClassifier':
        inputs = torch.zeros(2, 1, 2, length, layout.num_joints, 3, device='meta')
        scores = model(inputs)
        assert {tuple(x.shape) for x in scores.values()} == {(2, cfg.num_classes)}
    else:
        inputs = torch.zeros(2, 2, 2, length, layout.num_joints, 3, device='meta')
        losses = model(inputs, mode='loss')
        assert {f'loss_{name}' for name in cfg.model.modalities} <= set(losses)
        samples = model(inputs, [ActionDataSample(), ActionDataSample()], mode='predict')
        assert set(samples[0].feats) == set(cfg.model.modalities)


def test_pipelines_run_for_every_loader(cfg):
    layout = get_layout(cfg.layout)
    rng = np.random.default_rng(0)
    for name, loader in loaders(cfg).items():
        dataset = loader.dataset
        assert dataset.layout == cfg.layout, name
        pipeline = Compose([TRANSFORMS.build(step) for step in dataset.pipeline])
        sample = pipeline(
            {
                'keypoint': rng.normal(size=(2, 90, layout.num_joints, 3)).astype(np.float32),
                'label': 0,
                'layout': dataset.layout,
                'clip_len': dataset.get('clip_len', 64),
                'rng': np.random.default_rng(1),
            }
        )
        views = 2 if name == 'train_dataloader' and cfg.model.type == 'CMD' else 1
        length = dataset.get('clip_len', 64)
        assert sample['inputs'].shape == (views, 2, length, layout.num_joints, 3), name
        assert DATA_SAMPLERS.get(loader.sampler.type) is not None


def test_loaders_take_the_splits_they_should(cfg):
    for name, loader in loaders(cfg).items():
        training = name == 'train_dataloader' or 'gallery' in name
        expected = cfg.train_set if training else cfg.val_set
        assert {key: loader.dataset[key] for key in expected} == dict(expected), name
        assert expected.split.endswith('_train' if training else '_val')
        shuffled = name == 'train_dataloader'
        assert loader.sampler.shuffle == shuffled, name
        assert loader.sampler.type == ('EpochSampler' if shuffled else 'DefaultSampler'), name
        assert bool(loader.dataset.get('test_mode', False)) != shuffled, name


def test_loops_and_metrics_exist_and_fit_the_model(cfg):
    for loop in (cfg.train_cfg, cfg.val_cfg, cfg.test_cfg):
        assert LOOPS.get(loop.type) is not None
    expected = 'KNNMetric' if cfg.model.type == 'CMD' else 'MultiStreamAccuracy'
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert METRICS.get(evaluator.type).__name__ == expected
    hooks = {hook['type'] for hook in cfg.get('custom_hooks', [])}
    assert ('FrozenEncoderHook' in hooks) == (cfg.model.type == 'SkeletonClassifier')
    assert cfg.default_scope == 'mmcmd'
    assert cfg.default_hooks.plain_checkpoint.type == 'PlainCheckpointHook'


@pytest.mark.parametrize('name', NAMES)
def test_config_says_only_what_differs(name):
    lines = (CONFIGS / name).read_text().splitlines()
    assert len(lines) <= 25
    assert any(line.startswith('_base_') for line in lines)


def test_pre_training_on_ntu60_is_the_paper_s():
    cfg = Config.fromfile(CONFIGS / 'cmd/cmd_bigru_ntu60_xsub.py')
    model, head, distill = cfg.model, cfg.model.head, cfg.model.distill_head
    assert model.modalities == ('joint', 'motion', 'bone')
    assert (model.backbone.num_layers, model.backbone.hidden_size) == (3, 1024)
    assert (model.backbone.mode, model.backbone.readout) == ('stepwise', 'last')
    assert (head.feat_dim, head.queue_size, head.temperature) == (128, 16384, 0.07)
    assert distill.topk == 8192
    assert (distill.teacher_temperature, distill.student_temperature) == (0.05, 0.1)
    assert (distill.loss_weight, model.momentum) == (1.0, 0.001)
    assert cfg.optim_wrapper.optimizer == {
        'type': 'SGD',
        'lr': 0.01,
        'momentum': 0.9,
        'weight_decay': 1e-4,
    }
    assert cfg.train_dataloader.batch_size == 64
    assert cfg.train_dataloader.drop_last
    assert cfg.train_cfg.max_epochs == 450
    assert cfg.param_scheduler[0].milestones == [350]
    assert cfg.param_scheduler[0].gamma == 0.1

    shapes = {name: tuple(x.shape) for name, x in build(cfg.model).state_dict().items()}
    for group in ('encoders', 'key_encoders'):
        for name in model.modalities:
            prefix = f'{group}.{name}'
            assert shapes[f'{prefix}.backbone.input_norm.weight'] == (150,)
            assert shapes[f'{prefix}.backbone.rnn.weight_ih_l0'] == (3072, 150)
            assert shapes[f'{prefix}.backbone.rnn.weight_ih_l2_reverse'] == (3072, 2048)
            assert shapes[f'{prefix}.neck.hidden.weight'] == (2048, 2048)
            assert shapes[f'{prefix}.neck.out.weight'] == (128, 2048)
    assert shapes['heads.bone.queue'] == (128, 16384)


def test_linear_evaluation_on_ntu60_is_the_paper_s():
    cfg = Config.fromfile(CONFIGS / 'benchmarks/linear/linear_bigru_ntu60_xsub.py')
    assert cfg.optim_wrapper.optimizer == {
        'type': 'SGD',
        'lr': 0.1,
        'momentum': 0.9,
        'weight_decay': 0,
    }
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (80, 64)
    assert cfg.param_scheduler[0].milestones == [50, 70]
    assert cfg.model.frozen
    pretraining = Config.fromfile(CONFIGS / 'cmd/cmd_bigru_ntu60_xsub.py')
    assert cfg.model.backbone == pretraining.model.backbone


def test_cached_linear_evaluation_differs_in_the_loop_only():
    folder = CONFIGS / 'benchmarks/linear'
    exact = Config.fromfile(folder / 'linear_bigru_ntu60_xsub.py').to_dict()
    exact['train_cfg']['type'] = 'CachedFeatureLoop'
    assert Config.fromfile(folder / 'linear_cached_bigru_ntu60_xsub.py').to_dict() == exact


def flat(value, prefix=''):
    if isinstance(value, dict):
        return {k: v for key in value for k, v in flat(value[key], f'{prefix}{key}.').items()}
    return {prefix.rstrip('.'): value}


def test_graph_encoder_config_differs_in_the_encoder_only():
    path = CONFIGS / 'cmd/cmd_stgcn_ntu60_xsub.py'
    if not path.is_file():
        pytest.skip(f'there is no {path}')
    graph, recurrent = (
        flat(Config.fromfile(file).to_dict())
        for file in (path, CONFIGS / 'cmd/cmd_bigru_ntu60_xsub.py')
    )
    different = {name for name in {*graph, *recurrent} if graph.get(name) != recurrent.get(name)}
    allowed = ('model.backbone.', 'backbone.')
    assert 'model.backbone.type' in different
    assert all(name.startswith(allowed) for name in different), different

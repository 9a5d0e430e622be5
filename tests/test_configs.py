"""Every config loads, builds at full size and fits its data, on `meta`, without memory."""

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmcv.transforms import Compose
from torch.utils._pytree import tree_map

from mmcmd.apis import EVALUATIONS, choices, load_config, loaders
from mmcmd.config_files import split_name
from mmcmd.datasets import stack_inputs
from mmcmd.errors import InputError
from mmcmd.evaluation import MultiStreamAccuracy
from mmcmd.evaluation.gallery import GalleryMetric
from mmcmd.io.checkpoint import keep_encoders
from mmcmd.io.encoders import describe
from mmcmd.registry import DATA_SAMPLERS, LOOPS, METRICS, MODELS, TRANSFORMS
from mmcmd.skeletons import get_layout

CONFIGS = Path(__file__).parents[1] / 'configs'
FILES = sorted(CONFIGS.rglob('*.py'))
NAMES = [str(x.relative_to(CONFIGS)) for x in FILES if x.relative_to(CONFIGS).parts[0] != '_base_']
PROTOCOLS = [name for name in NAMES if name.startswith('benchmarks/')]
BASELINES = [name for name in NAMES if name.startswith('baselines/')]
LEAVES = [name for name in NAMES if split_name(CONFIGS / name) != (None, None)]
METHODS = [name for name in NAMES if name not in {*PROTOCOLS, *BASELINES, *LEAVES}]
DATASETS, ENCODERS = choices('datasets'), choices('encoders')
WITHOUT_WEIGHTS = 'raw'  # its features are the clip itself
CMD, PAPER = 'cmd/cmd.py', 'cmd/cmd_bigru_ntu60_xsub.py'
LENGTH = 4
"""Frames of a clip here: no encoder depends on it, and on `meta` each frame of a GRU takes long."""
LENGTH_OF_VIEWS = 16
"""The same for SLiM, whose shortest views have an eighth of these frames."""
SAMPLES = 3
"""Samples of a batch in these tests. They are enough for every method."""


@cache
def read(name, **arguments):
    if name in PROTOCOLS and not name.startswith('benchmarks/knn'):
        arguments.setdefault('pretrained', 'random')
    return load_config(CONFIGS / name, **arguments)


@pytest.fixture(params=NAMES)
def cfg(request):
    return read(request.param)


def build(config):
    if 'mixing' in config:  # its window must fit into a clip
        config = {**config, 'mixing': {'window': (2, LENGTH), 'stride': 1}}
    backbone = dict(config.get('backbone') or {})
    if backbone.get('type') == 'RotaryTransformer':
        backbone['patch_frames'] = LENGTH_OF_VIEWS // 8
        config = {**config, 'backbone': backbone}
    if backbone.get('type') in ('RawCoordinates', 'SpatioTemporalTransformer'):  # of one length
        config = {**config, 'backbone': {**backbone, 'clip_len': LENGTH}}
    with torch.device('meta'):
        return MODELS.build(config)


def make_batch(loader, device='meta', length=LENGTH):
    """Return inputs and data samples of a few sequences, from the pipeline of a loader."""
    dataset = loader.dataset
    pipeline = Compose([TRANSFORMS.build(step) for step in dataset.pipeline])
    joints = get_layout(dataset.layout).num_joints
    samples = [
        pipeline(
            {
                'keypoint': np.random.default_rng(key).normal(size=(2, 90, joints, 3)).astype('f4'),
                'label': key,
                'layout': dataset.layout,
                'clip_len': length or dataset.clip_len,
                'rng': np.random.default_rng(key),
                'frame_dir': f'sample{key}',
                'sample_idx': key,
            }
        )
        for key in range(SAMPLES)
    ]
    batch = stack_inputs(samples)
    return tree_map(lambda x: x.to(device), batch['inputs']), batch['data_samples']


def total(losses):
    return sum(value for name, value in losses.items() if 'loss' in name)


def check_model(cfg):
    """Build the model of a config on `meta`, and run it on the output of its pipelines."""
    model = build(cfg.model)
    if cfg.model.type == 'FeatureExtractor':
        samples = model(*make_batch(cfg.test_dataloader), mode='predict')
        assert set(samples[0].feats) == set(model.streams)
        return
    length = LENGTH_OF_VIEWS if cfg.model.type == 'SLiM' else LENGTH
    inputs, samples = make_batch(cfg.train_dataloader, length=length)
    if cfg.model.type == 'SkeletonClassifier':
        scores = model(inputs, samples)
        assert {tuple(x.shape) for x in scores.values()} == {(SAMPLES, cfg.data.num_classes)}
        return
    losses = model(inputs, samples, mode='loss')
    assert {f'loss_{name}' for name in model.streams} <= set(losses)
    assert {tuple(x.shape) for x in losses.values()} == {()}
    samples = model(*make_batch(cfg.val_dataloader), mode='predict')
    assert set(samples[0].feats) == set(model.evaluated_streams)


def test_there_are_methods_protocols_and_leaves_and_nothing_else():
    assert {'cmd/cmd.py', 'moco/moco.py', 'aimclr/aimclr.py'} <= set(METHODS)
    assert {'linear', 'knn', 'semi', 'finetune', 'transfer', 'supervised'} <= {
        Path(name).stem for name in PROTOCOLS
    }
    assert PAPER in LEAVES
    assert all(read(name).model.type not in EVALUATIONS for name in METHODS)
    assert all(read(name).model.type in EVALUATIONS for name in (*PROTOCOLS, *BASELINES))


def one_config_a_model(names=METHODS):
    """List a config for each different model and training pipeline."""

    configs = {name: read(name) for name in reversed(names)}
    return list(
        {
            repr((cfg.model, cfg.train_dataloader.dataset.pipeline)): name
            for name, cfg in configs.items()
        }.values()
    )


@pytest.mark.parametrize('name', [*PROTOCOLS, *BASELINES, *one_config_a_model(LEAVES)])
def test_full_size_model_takes_what_the_pipelines_give(name):
    check_model(read(name))


# At full size: every encoder with one method, and every method with two kinds of encoders.
# tests/test_encoders.py has all pairs, at a small size.
PAIRS = {(CMD, encoder) for encoder in ENCODERS if encoder != WITHOUT_WEIGHTS} | {
    (name, encoder)
    for name in one_config_a_model()
    for encoder in ('bigru', 'stgcn_clr')
    if not name.startswith(('mamp/', 'slim/'))  # which need tokens
}


@pytest.mark.parametrize(('name', 'encoder'), sorted(PAIRS))
def test_every_method_takes_every_encoder(name, encoder):
    cfg = load_config(CONFIGS / name, encoder=encoder)
    assert cfg.model.backbone == read(CMD, encoder=encoder).model.backbone
    # BatchNorm on `meta` is slow, so two streams are used instead of three.
    cfg.model.modalities = [x for x in cfg.model.modalities if x != 'bone']
    model = build(cfg.model)
    batch = make_batch(cfg.train_dataloader)
    if batch[0].shape[2] != cfg.model.backbone.get('num_person', 2):  # an encoder for one person
        with pytest.raises(InputError, match=r'set data\.num_person'):
            model(*batch, mode='loss')
        return
    losses = model(*batch, mode='loss')
    assert {f'loss_{stream}' for stream in model.streams} <= set(losses)
    assert {tuple(x.shape) for x in losses.values()} == {()}


@pytest.mark.parametrize('name', METHODS)
def test_encoder_without_weights_is_not_pre_trained(name):
    with pytest.raises(InputError, match='RawCoordinates, which has no weights and cannot be'):
        build(read(name, encoder=WITHOUT_WEIGHTS).model)


@pytest.mark.parametrize('data', DATASETS)
@pytest.mark.parametrize('name', [CMD, 'aimclr/aimclr.py', 'benchmarks/linear.py'])
def test_every_data_set_reaches_loaders_and_model(name, data):
    cfg = read(name, data=data)
    assert cfg.data.name == data
    assert cfg.model.layout == cfg.data.layout
    for dataset in (loader.dataset for loader in loaders(cfg).values()):
        for fact in ('ann_file', 'layout', 'num_classes'):
            assert dataset[fact] == cfg.data[fact]
        assert dataset.split in (f'{cfg.data.split}_train', f'{cfg.data.split}_val')
    joints = get_layout(cfg.data.layout).num_joints
    inputs, _ = make_batch(cfg.train_dataloader, 'cpu')
    assert inputs.shape[2:] == (cfg.data.get('num_person', 2), LENGTH, joints, 3)
    assert torch.isfinite(inputs).all()
    if 'head' in cfg.model and 'num_classes' in cfg.model.head:
        assert cfg.model.head.num_classes == cfg.data.num_classes


def test_pipelines_run_for_every_loader(cfg):
    views = getattr(MODELS.get(cfg.model.type), 'views', ['one'])
    for name, loader in loaders(cfg).items():
        dataset = loader.dataset
        assert dataset.layout == cfg.data.layout, name
        assert dataset.clip_len == cfg.clip_len, name
        inputs, samples = make_batch(loader, 'cpu', length=None)
        if isinstance(inputs, dict):
            assert {group: x.shape[1] for group, x in inputs.items()} == dict(views)
            assert inputs['global'].shape[2:4] == (1, cfg.clip_len)
            continue
        expected = len(views) if name == 'train_dataloader' else 1
        joints = get_layout(cfg.data.layout).num_joints
        persons = cfg.model.backbone.get('num_person', 2)
        assert inputs.shape == (SAMPLES, expected, persons, cfg.clip_len, joints, 3), name
        assert [x.metainfo['frame_dir'] for x in samples] == [
            f'sample{key}' for key in range(SAMPLES)
        ]
        assert [x.metainfo['sample_idx'] for x in samples] == [*range(SAMPLES)]
        assert DATA_SAMPLERS.get(loader.sampler.type) is not None


def test_loaders_take_the_splits_they_should(cfg):
    assert len(loaders(cfg)) >= 2
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
    classifies = cfg.model.type == 'SkeletonClassifier'
    for loop in filter(None, (cfg.train_cfg, cfg.val_cfg, cfg.test_cfg)):
        assert LOOPS.get(loop.type) is not None
    for evaluator in filter(None, (cfg.val_evaluator, cfg.test_evaluator)):
        kind = MultiStreamAccuracy if classifies else GalleryMetric
        assert issubclass(METRICS.get(evaluator.type), kind)
    hooks = {hook['type'] for hook in cfg.get('custom_hooks', [])}
    assert ('FrozenEncoderHook' in hooks) == classifies
    assert cfg.default_scope == 'mmcmd'
    assert cfg.default_hooks.plain_checkpoint.type == 'PlainCheckpointHook'


# Configs have no copies: no text is in two files.


@pytest.mark.parametrize('name', LEAVES)
def test_name_of_a_leaf_says_its_arguments(name):
    (line,) = (CONFIGS / name).read_text().splitlines()
    base = line.removeprefix("_base_ = './").removesuffix("'")
    method = f'{Path(name).parent}/{base}'
    assert method in METHODS
    encoder, data = split_name(CONFIGS / name)
    assert encoder in ENCODERS
    assert data in DATASETS
    assert Path(name).name == f'{Path(name).stem}.py'
    assert Path(name).stem.endswith(f'_{encoder}_{data}')
    leaf, named = read(name), read(method, encoder=encoder, data=data)
    assert leaf.data.name == data
    assert leaf.to_dict() == named.to_dict()


def test_arguments_go_before_the_name_of_a_leaf():
    cfg = load_config(CONFIGS / PAPER, data='bandai2_xstyle', encoder='stgcn')
    assert cfg.data.name == 'bandai2_xstyle'
    assert cfg.model.backbone.type == 'STGCN'


def test_no_text_is_written_twice():
    texts = Counter(path.read_text() for name, path in zip_names() if name not in LEAVES)
    assert [text for text, count in texts.items() if count > 1] == []


def zip_names():
    return [(str(path.relative_to(CONFIGS)), path) for path in FILES]


@pytest.mark.parametrize('name', NAMES)
def test_config_says_only_what_differs(name):
    lines = (CONFIGS / name).read_text().splitlines()
    assert len(lines) <= 30
    assert any(line.startswith('_base_') for line in lines)


def test_data_sets_say_nothing_of_methods():
    for data in DATASETS:
        lines = (CONFIGS / f'_base_/datasets/{data}.py').read_text()
        assert f"name='{data}'" in lines
        assert not any(word in lines for word in ('clip_len', 'pipeline', '_base_', 'model'))


# Arguments that do not fit.


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'data': 'ntu61_xsub'}, "no data set 'ntu61_xsub' .*, or one of bandai2_xstyle, .*"),
        ({'encoder': 'bigruu'}, "no encoder 'bigruu' .*, or one of aagcn, agcn, bigru, .*"),
        ({'data': 'nowhere/mine.py'}, 'data set file nowhere/mine.py does not exist; give .*'),
    ],
)
def test_names_that_do_not_exist_are_refused_with_those_that_do(arguments, message):
    with pytest.raises(InputError, match=message) as error:
        load_config(CONFIGS / CMD, **arguments)
    assert '\n' not in str(error.value)
    known = DATASETS if 'data' in arguments else ENCODERS
    assert all(name in str(error.value) for name in known)


def test_file_of_ones_own_may_take_the_place_of_a_name(tmp_path):
    data, encoder = tmp_path / 'mine.py', tmp_path / 'small.py'
    facts = dict(name='mine', ann_file='mine.pkl', split='xa', layout='coco', num_classes=3)
    data.write_text(f'data = {facts}\n')
    encoder.write_text("backbone = dict(type='GRU', hidden_size=7)\n")
    cfg = load_config(CONFIGS / CMD, data=str(data), encoder=str(encoder))
    assert cfg.train_dataloader.dataset.split == 'xa_train'
    assert (cfg.model.layout, cfg.model.backbone.hidden_size) == ('coco', 7)


def test_environment_is_as_before_after_a_config_is_read(monkeypatch):
    import os

    monkeypatch.setenv('DATA', 'ntu60_xview')
    monkeypatch.delenv('ENCODER', raising=False)
    load_config(CONFIGS / CMD, data='bandai2_xstyle', encoder='gru')
    assert os.environ['DATA'] == 'ntu60_xview'
    assert 'ENCODER' not in os.environ


@pytest.mark.parametrize('name', [x for x in METHODS if not x.startswith('recipes/')])
def test_small_budget_is_the_default_for_small_data_alone(name):
    small, paper = read(name, data='bandai2_xstyle'), read(name)
    assert (small.budget, paper.budget) == ('small', 'paper')
    assert 'small' not in small
    assert 'small' not in paper
    if 'queue' in paper.model:
        assert small.model.queue.size < paper.model.queue.size
    assert {loader.dataset.clip_len for loader in loaders(small).values()} == {small.clip_len}
    assert small.clip_len < paper.clip_len
    asked = read(name, data='bandai2_xstyle', budget='paper')
    assert asked.train_cfg == paper.train_cfg
    assert asked.optim_wrapper == paper.optim_wrapper
    build(small.model)


# An evaluation uses the encoders of a checkpoint.

RECURRENT = {'model.backbone.hidden_size': 4, 'model.backbone.num_layers': 1}
TINY = {
    'BiGRU': RECURRENT,
    'LSTM': RECURRENT,
    'AGCN': {'model.backbone.base_channels': 4},
    'SpatioTemporalTransformer': {
        'model.backbone.hidden_size': 4,
        'model.backbone.clip_len': LENGTH,
    },
    'SkeletonTransformer': {'model.backbone.embed_dims': 8, 'model.backbone.depth': 2},
    'RotaryTransformer': {
        'model.backbone.embed_dims': 8,
        'model.backbone.depth': 4,
        'model.backbone.num_heads': 2,
        'model.backbone.patch_frames': LENGTH,
    },
    'SkeletonCLRSTGCN': {'model.backbone.hidden_channels': 4, 'model.backbone.hidden_dim': 8},
}


WITH_OPTION = {
    'drop_path_rate': ('SkeletonTransformer', 'SpatioTemporalTransformer'),
    'class_layers': ('RotaryTransformer',),
}
"""Encoders that have an option, which some evaluations change."""


def published_encoder(method):
    """Return the encoder in the name of a method's leaf config."""
    line = f"_base_ = './{Path(method).name}'"
    leaves = [name for name in LEAVES if Path(name).parent == Path(method).parent]
    default = read(method).get('default_encoder', 'bigru')
    return next(
        (split_name(CONFIGS / x)[0] for x in leaves if line in (CONFIGS / x).read_text()), default
    )


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Return, by method, its model and config, tiny, and a checkpoint of it."""
    folder = tmp_path_factory.mktemp('checkpoints')
    made = {}
    for number, name in enumerate(METHODS):
        encoder = published_encoder(name)
        parts = read(name, encoder=encoder).model
        options = dict(TINY[parts.backbone.type])
        for part, option in (('queue', {'size': 12}), ('neck', {'out_channels': 6})):
            if part in parts:
                options |= {f'model.{part}.{key}': x for key, x in option.items()}
        if read(name).model.type == 'STARS':
            options['model.neck.hidden_channels'] = options.pop('model.neck.out_channels')
        if 'distill_head' in read(name).model:
            options['model.distill_head.topk'] = 5
        if read(name).model.type == 'MAMP':
            options['model.decoder.embed_dims'] = 8
        if 'partner' in read(name).model:
            options['model.partner.base_channels'] = 4
        cfg = load_config(CONFIGS / name, encoder=encoder, options=options)
        torch.manual_seed(number)
        model = MODELS.build(cfg.model)
        file = folder / f'{number}.pth'
        torch.save({'state_dict': model.state_dict(), 'meta': describe(model, cfg)}, file)
        made[name] = model, cfg, file
    return made


def distinct(names):
    """Keep one config for each model, encoder and pipelines: evaluations adopt nothing else."""
    kept = {}
    for name in names:
        cfg = read(name)
        adopted = cfg.model.type, cfg.model.backbone, cfg.finetune_pipeline, cfg.test_pipeline
        kept.setdefault(str((*adopted, cfg.clip_len, cfg.model.get('neck', {}).get('type'))), name)
    return list(kept.values())


@pytest.mark.parametrize('method', distinct(METHODS))
@pytest.mark.parametrize('protocol', [x for x in PROTOCOLS if 'supervised' not in x])
def test_every_evaluation_takes_the_encoders_of_every_method(protocol, method, checkpoints):
    model, trained, file = checkpoints[method]
    changes = read(protocol).get('encoder_options')
    option = next(iter(changes.backbone), None) if changes else None
    if option and trained.model.backbone.type not in WITH_OPTION[option]:
        with pytest.raises(InputError, match=f'sets the option {option}, which the encoder'):
            load_config(CONFIGS / protocol, pretrained=str(file))
        return
    argument = 'checkpoint' if '/knn' in protocol else 'pretrained'
    data = 'ntu60_xview' if protocol.endswith('transfer.py') else None
    cfg = load_config(CONFIGS / protocol, data=data, **{argument: str(file)})
    expected = dict(trained.model.backbone) | (changes.backbone if changes else {})
    assert dict(cfg.model.backbone) == expected
    assert tuple(cfg.model.modalities) == model.evaluated_streams
    assert cfg.model.layout == trained.data.layout
    assert cfg.clip_len == trained.clip_len
    for name, loader in loaders(cfg).items():
        kind = 'finetune_pipeline' if name == 'train_dataloader' else 'test_pipeline'
        assert loader.dataset.pipeline == trained[kind], name
        assert loader.dataset.clip_len == trained.clip_len, name

    evaluated = MODELS.build(cfg.model)
    if argument == 'pretrained':
        evaluated.init_weights()
    else:
        state = model.encoders.state_dict(prefix='encoders.')
        evaluated.load_state_dict(keep_encoders(state, evaluated.streams))
    persons = trained.model.backbone.get('num_person', 2)
    joints = torch.randn(2, persons, LENGTH, get_layout(cfg.data.layout).num_joints, 3)
    for name in () if changes else model.evaluated_streams:  # a changed model has another pooling
        with torch.no_grad():
            expected = model.eval().extract_feat(joints, name)
            found = evaluated.eval().extract_feat(joints, name)
        # torch's CPU kernels round differently if no weight needs a gradient.
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6, msg=name)
    if argument == 'pretrained':
        inputs, samples = make_batch(cfg.train_dataloader, 'cpu')
        if cfg.model.head.get('whiten'):  # it is trained on cached features
            inputs = evaluated.encode(inputs, samples)
            evaluated.fit_heads(inputs)
        losses = evaluated.train()(inputs, samples, mode='loss')
        assert torch.isfinite(total(losses))


@pytest.mark.parametrize(
    ('protocol', 'message'),
    [
        ('benchmarks/supervised.py', 'trains from scratch, so --pretrained cannot be used'),
        (
            'benchmarks/transfer.py',
            'was trained on ntu60_xsub, and a transfer needs a different data set',
        ),
    ],
)
def test_evaluation_that_a_checkpoint_does_not_fit_is_refused(protocol, message, checkpoints):
    *_, file = checkpoints[CMD]
    with pytest.raises(InputError, match=message):
        load_config(CONFIGS / protocol, pretrained=str(file))


# The papers' recipes.


def test_pre_training_on_ntu60_is_the_paper_s():
    cfg = read(PAPER)
    model, head, distill = cfg.model, cfg.model.head, cfg.model.distill_head
    assert model.modalities == ('joint', 'motion', 'bone')
    assert (model.backbone.num_layers, model.backbone.hidden_size) == (3, 1024)
    assert (model.backbone.mode, model.backbone.readout) == ('stepwise', 'last')
    assert (model.neck.out_channels, model.queue.size, head.temperature) == (128, 16384, 0.07)
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
    assert cfg.train_dataloader.dataset.ann_file == 'data/ntu60.pkl'
    assert cfg.train_dataloader.dataset.clip_len == 64
    assert cfg.train_cfg.max_epochs == 450
    assert cfg.param_scheduler[0].milestones == [350]
    assert cfg.param_scheduler[0].gamma == 0.1

    shapes = {name: tuple(x.shape) for name, x in build(cfg.model).state_dict().items()}
    for prefix in ('', 'key_'):
        for name in model.modalities:
            encoder, neck = f'{prefix}encoders.{name}', f'{prefix}necks.{name}'
            assert shapes[f'{encoder}.backbone.input_norm.weight'] == (150,)
            assert shapes[f'{encoder}.backbone.rnn.weight_ih_l0'] == (3072, 150)
            assert shapes[f'{encoder}.backbone.rnn.weight_ih_l2_reverse'] == (3072, 2048)
            assert shapes[f'{neck}.hidden.weight'] == (2048, 2048)
            assert shapes[f'{neck}.out.weight'] == (128, 2048)
    assert shapes['queues.bone.queue'] == (128, 16384)


def test_linear_evaluation_is_the_paper_s():
    cfg = read('benchmarks/linear.py')
    assert cfg.optim_wrapper.optimizer == {
        'type': 'SGD',
        'lr': 0.1,
        'momentum': 0.9,
        'weight_decay': 0,
    }
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (80, 64)
    assert cfg.param_scheduler[0].milestones == [50, 70]
    assert cfg.model.frozen
    assert cfg.model.backbone == read(PAPER).model.backbone


def test_recipe_of_the_clr_family_is_the_released_one():
    """The recipe has the values of the released configs: SGD, queue, epochs and switches."""
    for name, switch in (('crossclr', 'cross_epoch'), ('aimclr', 'mining_epoch')):
        cfg = read(f'{name}/{name}_stgcn_clr_ntu60_xsub.py')
        assert (cfg.model.queue.size, cfg.model.neck.out_channels) == (32768, 128)
        assert (cfg.model.momentum, cfg.model.head.temperature) == (0.001, 0.07)
        assert (cfg.optim_wrapper.optimizer.lr, cfg.train_dataloader.batch_size) == (0.1, 128)
        assert (cfg.train_cfg.max_epochs, cfg.model[switch], cfg.model.topk) == (300, 150, 1)
        assert cfg.param_scheduler[0].milestones == [250]
        assert cfg.clip_len == 50
        assert not cfg.model.copy_keys
    linear = read('benchmarks/linear_clr.py')
    assert linear.optim_wrapper.optimizer.lr == 3.0
    assert linear.optim_wrapper.optimizer.weight_decay == 0
    assert (linear.train_cfg.max_epochs, linear.train_dataloader.batch_size) == (100, 128)
    assert linear.model.fusion.weights == {'joint': 0.6, 'bone': 0.6, 'motion': 0.4}


def test_recipe_of_isc_is_the_released_one():
    for data, (epochs, drop) in {'ntu60_xsub': (451, 351), 'ntu120_xset': (351, 251)}.items():
        cfg = read(f'isc/isc_bigru_plain_{data}.py')
        assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[0].milestones) == (epochs, [drop])
        assert (cfg.optim_wrapper.optimizer.lr, cfg.train_dataloader.batch_size) == (0.01, 64)
    model = cfg.model
    assert (model.queue.size, model.neck.out_channels) == (16384, 128)
    assert (model.momentum, model.head.temperature) == (0.001, 0.07)
    shapes = {name: tuple(x.shape) for name, x in build(model).state_dict().items()}
    assert shapes['encoders.joint.backbone.rnn.weight_ih_l0'] == (3072, 150)
    assert shapes['encoders.joint_partner.backbone.gcn.9.tcn.conv.weight'] == (256, 256, 9, 1)
    assert shapes['necks.joint_partner.hidden.weight'] == (256, 256)
    assert not [name for name in shapes if 'input_norm' in name]


def flat(value, prefix=''):
    if isinstance(value, dict):
        return {k: v for key in value for k, v in flat(value[key], f'{prefix}{key}.').items()}
    return {prefix.rstrip('.'): value}


def test_graph_encoder_config_differs_in_the_encoder_only():
    graph, recurrent = (flat(read(x).to_dict()) for x in ('cmd/cmd_stgcn_ntu60_xsub.py', PAPER))
    different = {name for name in {*graph, *recurrent} if graph.get(name) != recurrent.get(name)}
    allowed = ('model.backbone.', 'backbone.')
    assert 'model.backbone.type' in different
    assert all(name.startswith(allowed) for name in different), different


def test_training_samples_reach_the_loss_with_their_ids():
    model = build(read(PAPER).model)
    seen = []
    model.loss = lambda inputs, samples: seen.extend(samples)
    model(*make_batch(read(PAPER).train_dataloader), mode='loss')
    assert [type(sample) for sample in seen] == [ActionDataSample] * SAMPLES
    assert [sample.metainfo['sample_idx'] for sample in seen] == [*range(SAMPLES)]

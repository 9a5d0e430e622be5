"""Clips and encoders have as many persons as the data set."""

import pickle

import pytest
import torch

from mmcmd.apis import init_model, load_config, loaders
from mmcmd.errors import InputError
from mmcmd.io.encoders import describe, persons_of
from mmcmd.models.backbones import BiGRU
from mmcmd.models.encoder import SkeletonEncoder
from mmcmd.registry import MODELS

TINY = {'model.queue.size': 8, 'model.backbone.hidden_size': 4, 'model.backbone.num_layers': 1}


def clips(cfg):
    """Return the numbers of persons in the clips of all loaders."""
    found = set()

    def collect(node):
        if isinstance(node, dict):
            if node.get('type') == 'FormatGCNInput':
                found.add(node['num_person'])
            node = list(node.values())
        for part in node if isinstance(node, (list, tuple)) else ():
            collect(part)

    collect([loader.dataset.pipeline for loader in loaders(cfg).values()])
    return found


def encoder_of(cfg):
    with torch.device('meta'):
        return next(iter(MODELS.build(cfg.model).encoders.values()))


@pytest.fixture
def save(tmp_path):
    """Return a function: config -> checkpoint of its model."""

    def save(cfg):
        model = MODELS.build(cfg.model)
        file = tmp_path / 'trained.pth'
        torch.save({'state_dict': model.state_dict(), 'meta': describe(model, cfg)}, file)
        return str(file)

    return save


@pytest.mark.parametrize('encoder', ['bigru', 'stgcn', 'agcn', 'transformer', 'dste'])
@pytest.mark.parametrize('persons', [1, 2, 3])
def test_encoder_and_clips_have_the_persons_of_the_data_set(encoder, persons, mmcmd_scope):
    cfg = load_config('cmd/cmd.py', encoder=encoder, options={'data.num_person': persons})
    assert clips(cfg) == {persons}
    assert encoder_of(cfg).frame_shape[0] == persons


def test_a_data_set_of_one_person_costs_no_second_one(mmcmd_scope):
    cfg = load_config('isc/isc.py', data='nwucla_xsub')
    assert clips(cfg) == {1}
    assert {x.frame_shape[0] for x in MODELS.build(cfg.model).encoders.values()} == {1}


def test_a_pickle_has_the_persons_of_its_largest_sequence(tiny_pickle, tmp_path):
    assert load_config('cmd/cmd.py', data=str(tiny_pickle)).data.num_person == 2
    data = pickle.loads(tiny_pickle.read_bytes())
    for sample in data['annotations']:
        sample['keypoint'] = sample['keypoint'][:1]
    path = tmp_path / 'alone.pkl'
    path.write_bytes(pickle.dumps(data, protocol=4))
    cfg = load_config('cmd/cmd.py', data=str(path))
    assert (cfg.data.num_person, clips(cfg)) == (1, {1})


@pytest.mark.parametrize(('config', 'kept'), [('pc/pc.py', {1}), ('slim/slim.py', {1, 3})])
def test_parts_for_one_person_stay(config, kept):
    encoder = 'bigru_pc' if config == 'pc/pc.py' else None
    cfg = load_config(config, encoder=encoder, options={'data.num_person': 3})
    assert clips(cfg) == kept
    assert encoder_of(cfg).frame_shape[0] == (1 if encoder else 3)


@pytest.mark.parametrize(
    ('trained_on', 'tested_on', 'persons'),
    [('nwucla_xsub', 'ntu60_xsub', 1), ('ntu60_xsub', 'nwucla_xsub', 2)],
)
def test_an_evaluation_has_the_persons_of_the_encoders(
    trained_on, tested_on, persons, save, mmcmd_scope
):
    file = save(load_config('moco/moco.py', data=trained_on, budget='small', options=TINY))
    joints = {'data.map_to': 'kinect_v1' if trained_on == 'nwucla_xsub' else 'ntu'}
    for name, argument in (('linear.py', 'pretrained'), ('knn.py', 'checkpoint')):
        config = f'configs/benchmarks/{name}'
        cfg = load_config(config, data=tested_on, options=joints, **{argument: file})
        assert clips(cfg) == {persons}
        assert encoder_of(cfg).frame_shape[0] == persons
        assert persons_of(cfg.test_pipeline) == persons


def test_a_pooling_that_an_evaluation_adds_has_them_too(save, mmcmd_scope):
    cfg = load_config('slim/slim.py', data='nwucla_xsub', budget='small')
    cfg = load_config('configs/benchmarks/linear_slim.py', pretrained=save(cfg))
    assert cfg.model.pooling.num_person == 1
    evaluated = MODELS.build(cfg.model)
    evaluated.init_weights()
    joints = torch.randn(2, 1, cfg.clip_len, 20, 3)
    assert torch.isfinite(evaluated.eval().extract_feat(joints, 'joint')).all()


@pytest.mark.parametrize('number', [0, -1, 1.5, 'two', True])
def test_a_wrong_number_of_persons_is_refused(number):
    with pytest.raises(InputError, match=r'num_person of the data set must be at least 1'):
        load_config('cmd/cmd.py', options={'data.num_person': number})


@pytest.mark.parametrize('encoder', ['bigru_mean', 'stgcn_quarter'])
def test_the_encoder_of_a_checkpoint_may_be_named(encoder, save, mmcmd_scope):
    options = {'model.queue.size': 8}
    trained = load_config('moco/moco.py', 'nwucla_xsub', encoder, budget='small', options=options)
    file = save(trained)
    for name, argument in (('linear.py', 'pretrained'), ('knn.py', 'checkpoint')):
        cfg = load_config(f'configs/benchmarks/{name}', encoder=encoder, **{argument: file})
        assert (clips(cfg), cfg.model.backbone.num_person) == ({1}, 1)
    with pytest.raises(InputError, match='not those of --encoder lstm'):
        load_config('configs/benchmarks/linear.py', encoder='lstm', pretrained=file)


@pytest.mark.parametrize('encoder', ['bigru_mean', 'stgcn_quarter'])
def test_a_model_of_another_number_of_persons_is_refused(encoder, save, mmcmd_scope):
    arguments = dict(encoder=encoder, data='nwucla_xsub', budget='small')
    options = {'model.queue.size': 8}
    file = save(load_config('moco/moco.py', options=options | {'data.num_person': 2}, **arguments))
    message = r'num_person=2, but .* num_person=1; add --cfg-options data\.num_person=2'
    with pytest.raises(InputError, match=message):
        init_model(load_config('moco/moco.py', options=options, **arguments), file)
    fitting = load_config('moco/moco.py', options=options | {'data.num_person': 2}, **arguments)
    assert init_model(fitting, file).encoders['joint'].frame_shape[0] == 2


@pytest.mark.parametrize('resume', [False, True])
def test_a_test_and_a_resumed_training_of_another_number_are_refused(
    resume, make_runner, tiny_options, pretrained, tmp_path
):
    options = {'load_from': str(pretrained / 'epoch_2.pth'), 'resume': resume}
    options |= tiny_options | {'data.num_person': 1}
    runner = make_runner('cmd/cmd_bigru_ntu60_xsub.py', tmp_path, options)
    with pytest.raises(InputError, match=r'add --cfg-options data\.num_person=2'):
        runner.train() if resume else runner.test()


def test_a_class_gets_the_number_only_if_it_knows_it():
    @MODELS.register_module()
    class Averaging(torch.nn.Module):
        def __init__(self, hidden_size, **kwargs):
            super().__init__()
            self.layer = torch.nn.Linear(3, hidden_size, **kwargs)

        def forward(self, x):
            return self.layer(x).mean(dim=(1, 2, 3))

    try:
        backbone = {'type': 'Averaging', 'hidden_size': 4, 'bias': False, 'num_person': 1}
        encoder = SkeletonEncoder(backbone, 'ntu')
        assert (encoder.frame_shape[0], encoder.feature_size()) == (1, 4)
    finally:
        MODELS.module_dict.pop('Averaging')


def test_a_class_that_fixes_the_number_itself_does_not_get_it():
    @MODELS.register_module()
    class Alone(BiGRU):
        def __init__(self, num_joints):
            super().__init__(num_joints=num_joints, num_person=1, hidden_size=4, num_layers=1)

    try:
        encoder = SkeletonEncoder({'type': 'Alone', 'num_person': 1}, 'ntu')
        assert encoder(torch.randn(2, 1, 5, 25, 3)).shape == (2, 8)
    finally:
        MODELS.module_dict.pop('Alone')

"""--pretrained takes encoder and data from a checkpoint, and refuses what does not fit."""

import json

import pytest
import torch
from mmengine.logging import MMLogger

from mmcmd.apis import load_config, loaders
from mmcmd.errors import InputError
from mmcmd.io.encoders import describe
from mmcmd.models import CMD
from mmcmd.skeletons import get_layout

BIGRU = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1}
GRU = {'type': 'GRU', 'hidden_size': 6, 'num_layers': 1}


@pytest.fixture(scope='module')
def configs(root):
    return root / 'configs'


@pytest.fixture
def linear(configs):
    """Return a function: arguments -> config of the linear evaluation."""
    return lambda **arguments: load_config(configs / 'benchmarks/linear.py', **arguments)


@pytest.fixture
def save(configs, tmp_path):
    """Return a function: options of CMD, data set -> checkpoint of a tiny model."""

    def save(options=None, data='ntu60_xsub', name='x'):
        cfg = load_config(configs / 'cmd/cmd.py', data=data, options=options)
        cfg.model.queue.size, cfg.model.backbone = 12, BIGRU
        model = CMD(
            **{key: x for key, x in cfg.model.items() if key not in ('type', 'head')}
            | {'distill_head': None}
        )
        file = tmp_path / f'{name}.pth'
        torch.save({'state_dict': model.state_dict(), 'meta': describe(model, cfg)}, file)
        return file

    return save


def test_encoder_clip_length_pipelines_and_data_set_come_from_the_checkpoint(linear, save):
    file = save({'clip_len': 20}, data='pkummd2_xsub')
    cfg = linear(pretrained=str(file))
    assert cfg.model.pretrained == str(file)
    assert dict(cfg.model.backbone) == BIGRU
    assert cfg.data.name == 'pkummd2_xsub'
    assert cfg.model.head.num_classes == cfg.data.num_classes != 60
    assert {loader.dataset.clip_len for loader in loaders(cfg).values()} == {20}
    other = linear(pretrained=str(file), data='ntu120_xset')
    assert (other.data.name, other.model.head.num_classes) == ('ntu120_xset', 120)
    assert other.train_dataloader.dataset.split == 'xset_train'


def test_pipelines_of_the_method_go_with_its_encoders(configs, linear, tmp_path):
    cfg = load_config(configs / 'skeletonclr/skeletonclr.py')
    from mmcmd.registry import MODELS

    cfg.model.queue.size, cfg.model.backbone = 12, BIGRU
    model = MODELS.build(cfg.model)
    meta = describe(model, cfg)
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, tmp_path / 'clr.pth')
    found = linear(pretrained=str(tmp_path / 'clr.pth'))
    names = [step.type for step in found.train_dataloader.dataset.pipeline]
    assert names == ['NormalizePersons', 'FormatGCNInput', 'PackActionInputs']
    assert found.clip_len == found.val_dataloader.dataset.clip_len == 50
    assert linear(pretrained='random').train_dataloader.dataset.pipeline[0].type == (
        'NormalizeSkeleton'
    )


def test_the_same_by_an_option(linear, save):
    file = str(save())
    by_argument, by_option = linear(pretrained=file), linear(options={'model.pretrained': file})
    assert by_argument.to_dict() == by_option.to_dict()


def test_streams_of_several_backbones_are_taken_up_and_can_be_chosen(linear, save, configs):
    streams = {
        'fine': {'modality': 'joint', 'backbone': GRU},
        'coarse': {'modality': 'bone', 'backbone': BIGRU},
    }
    cfg = load_config(configs / 'cmd/cmd.py')
    model = CMD(
        modalities=streams, neck={'type': 'ProjectionNeck', 'out_channels': 6}, queue={'size': 12}
    )
    file = str(save())
    torch.save({'state_dict': model.state_dict(), 'meta': describe(model, cfg)}, file)
    cfg = linear(pretrained=file)
    assert list(cfg.model.modalities) == ['fine', 'coarse']
    assert cfg.model.modalities.fine.backbone == GRU
    assert 'backbone' not in cfg.model
    chosen = linear(pretrained=file, options={'model.modalities': ['coarse']})
    assert list(chosen.model.modalities) == ['coarse']
    with pytest.raises(InputError, match="no stream 'joint'; it has fine, coarse"):
        linear(pretrained=file, options={'model.modalities': ['joint']})


def test_clip_length_of_an_option_reaches_every_data_set(configs):
    cfg = load_config(configs / 'cmd/cmd.py', options={'clip_len': 32})
    assert {loader.dataset.clip_len for loader in loaders(cfg).values()} == {32}
    assert cfg.clip_len == 32


def test_reading_a_config_logs_nothing(configs, capfd):
    logger = MMLogger.get_instance('quiet', logger_name='mmengine')
    logger.info('said')  # after this line, the logger has cached that the level is enabled
    capfd.readouterr()
    load_config(configs / 'cmd/cmd.py', data='bandai2_xstyle')
    assert capfd.readouterr() == ('', '')
    logger.info('said again')
    assert 'said again' in ''.join(capfd.readouterr())


def refused(call, message):
    with pytest.raises(InputError, match=message) as error:
        call()
    assert '\n' not in str(error.value)


def test_other_joints_are_refused(linear, save):
    file = str(save())
    message = "on the joints of layout 'ntu', but the data set bandai2_xstyle has .* 'bandai2'"
    refused(lambda: linear(pretrained=file, data='bandai2_xstyle'), message)


@pytest.mark.parametrize('encoder', ['stgcn', 'bigru'])
def test_encoder_of_another_kind_or_size_is_refused(linear, save, encoder):
    file = str(save())
    message = f'holds encoders .*BiGRU.*, not those of --encoder {encoder}; remove --encoder'
    refused(lambda: linear(pretrained=file, encoder=encoder), message)


def test_checkpoint_without_encoders_is_refused(linear, tmp_path):
    torch.save({'state_dict': {'backbone.x': torch.ones(1)}}, tmp_path / 'other.pth')
    refused(lambda: linear(pretrained=str(tmp_path / 'other.pth')), r'other\.pth holds no encoders')


def test_missing_checkpoint_is_told(linear, tmp_path):
    refused(lambda: linear(pretrained=str(tmp_path / 'no.pth')), r'no\.pth does not exist')


def test_pre_training_takes_no_checkpoint_of_encoders(configs, save):
    file = str(save())
    for config in ('cmd/cmd.py', 'aimclr/aimclr.py'):
        refused(
            lambda config=config: load_config(configs / config, pretrained=file),
            '--pretrained is only for evaluations, .*load_from=CHECKPOINT',
        )


def test_nearest_neighbours_are_no_training(configs, save):
    file = str(save())
    refused(
        lambda: load_config(configs / 'benchmarks/knn.py', pretrained=file),
        r'knn\.py trains nothing, so .* mmcmd test CONFIG CHECKPOINT',
    )


# Tests of a checkpoint and of the facts that its training has stored in it.


@pytest.fixture
def run_small(run_tool, root, tiny_options, tiny_linear_options):
    """Return a function: tool, config, arguments -> None, on the tiny data."""

    def run(tool, config, *arguments):
        every = tiny_linear_options if 'linear' in config else tiny_options
        kept = {k: x for k, x in every.items() if 'vis_backends' not in k}
        if config.endswith('knn.py'):
            kept = {k: x for k, x in kept.items() if k.startswith(('test_', 'default_'))}
        pairs = (f'{name}={value}' for name, value in kept.items())
        command = (root / 'configs' / config, *arguments, '--cfg-options', *pairs)
        status, _, err = run_tool(tool, *command)
        assert status == 0, err

    return run


def test_evaluation_never_replaces_what_a_training_has_recorded(run_small, pretrained, tmp_path):
    work, file = tmp_path / 'linear', pretrained / 'epoch_2.pth'
    where = '--work-dir', work
    run_small('train.py', 'benchmarks/linear.py', '--pretrained', file, *where)
    recorded = (work / 'results.json').read_bytes()
    assert json.loads(recorded)['acc/top1']['best_epoch'] is not None
    run_small('test.py', 'benchmarks/linear.py', work / 'epoch_2.pth', *where)
    assert (work / 'results.json').read_bytes() == recorded
    tested = json.loads((work / 'test_results.json').read_text())
    last = {name: entry['last'] for name, entry in json.loads(recorded).items()}
    assert {name: entry['last'] for name, entry in tested.items()} == last


def test_nearest_neighbours_of_a_checkpoint_are_those_of_its_training(
    run_small, pretrained, tmp_path
):
    before = (pretrained / 'results.json').read_bytes()
    for config in ('benchmarks/knn.py', 'cmd/cmd_bigru_ntu60_xsub.py'):
        work = tmp_path / config.replace('/', '_')
        run_small('test.py', config, pretrained / 'epoch_2.pth', '--work-dir', work)
        found = json.loads((work / 'test_results.json').read_text())
        expected = json.loads(before)
        assert found.keys() == expected.keys()
        for name, entry in found.items():
            assert entry['last'] == pytest.approx(expected[name]['last']), name
    assert (pretrained / 'results.json').read_bytes() == before


def test_checkpoint_of_an_unknown_data_set_asks_for_one(linear, save, tmp_path):
    own = tmp_path / 'mine.py'
    own.write_text(
        "data = dict(name='mine', ann_file='x.pkl', split='a', layout='ntu', num_classes=3)\n"
    )
    file = save(data=str(own))
    with pytest.raises(
        InputError, match=r'trained on the data set mine, .*--data FILE\.py or FILE\.pkl'
    ):
        linear(pretrained=str(file))
    assert linear(pretrained=str(file), data=str(own)).model.head.num_classes == 3


def test_data_set_of_the_environment_goes_before_that_of_the_checkpoint(linear, save, monkeypatch):
    file = save(data='pkummd2_xsub')
    monkeypatch.setenv('DATA', 'ntu120_xset')
    assert linear(pretrained=str(file)).data.name == 'ntu120_xset'


def test_arguments_that_a_saved_config_cannot_follow_are_refused(linear, tmp_path):
    linear(pretrained='random').dump(path := tmp_path / 'saved.py')
    assert load_config(path).data.name == 'ntu60_xsub'
    with pytest.raises(InputError, match="so 'bandai2_xstyle' cannot be used"):
        load_config(path, data='bandai2_xstyle')


def test_pre_training_is_not_tested_as_a_classifier(linear, save):
    with pytest.raises(InputError, match='holds encoders of CMD and no classifier'):
        linear(checkpoint=str(save()))


def test_joints_with_other_bones_are_mapped_to_those_of_the_encoder(linear, save, tmp_path):
    own = tmp_path / 'mine.py'
    text = (
        "data = dict(name='mine', ann_file='x.pkl', split='a', num_classes=3, layout=dict("
        "name='own', joints=('a', 'b', 'c'), parents=(0, {}, 0), centre=0))\n"
    )
    own.write_text(text.format(0))
    file = save(data=str(own))
    assert linear(pretrained=str(file), data=str(own))
    own.write_text(text.format(2))
    cfg = linear(pretrained=str(file), data=str(own))
    assert get_layout(cfg.model.layout).parents == (0, 0, 0)
    assert get_layout(cfg.train_dataloader.dataset.map_to).parents == (0, 0, 0)


def test_joints_of_another_sensor_are_mapped_to_those_of_the_encoder(linear, save):
    cfg = linear(pretrained=str(save(data='ntu60_xsub')), data='nwucla_xsub', options=NEAREST)
    assert (cfg.data.layout, cfg.data.map_to, cfg.model.layout) == ('kinect_v1', 'ntu', 'ntu')
    for loader in loaders(cfg).values():
        dataset = loader.dataset
        assert (dataset.layout, dataset.map_to) == ('kinect_v1', 'ntu')
        assert dataset.map_joints == 'nearest'


NEAREST = {'data.map_joints': 'nearest'}


def test_joints_that_cannot_be_mapped_are_named(linear, save):
    file = str(save(data='ntu60_xsub'))
    message = 'they differ in `joints`: 20 and 25; .* has no hand_tip_left, thumb_left'
    refused(lambda: linear(pretrained=file, data='nwucla_xsub'), message)
    options = NEAREST | {'data.map_to': 'kinect_v2'}
    message = "set map_to of the data set to 'ntu'"
    refused(lambda: linear(pretrained=file, data='nwucla_xsub', options=options), message)


def test_pre_training_on_joints_of_another_layout(configs):
    cfg = load_config(configs / 'cmd/cmd.py', data='ntu60_xsub', options={'data.map_to': 'h36m'})
    assert (cfg.data.layout, cfg.model.layout) == ('ntu', 'h36m')
    assert {loader.dataset.map_to for loader in loaders(cfg).values()} == {'h36m'}


def test_name_that_is_close_to_another_is_told(configs, tmp_path):
    config = configs / 'cmd/cmd.py'
    for arguments, message in (
        ({'data': 'ntu60-xsub'}, r"did you mean 'ntu60_xsub'\?"),
        ({'encoder': 'st_gcn'}, r"did you mean 'stgcn'\?"),
        ({'data': str(tmp_path)}, 'is a folder, expected a file'),
        ({'data': str(tmp_path / 'no.py')}, r'no\.py does not exist; give a \.py or \.pkl file'),
    ):
        refused(lambda arguments=arguments: load_config(config, **arguments), message)
    refused(lambda: load_config(configs), 'is a folder, expected a file')


def test_own_budget_has_the_small_sizes_and_the_published_recipe():
    arguments = 'configs/aimclr/aimclr.py', 'bandai2_xstyle'
    small, own, paper = (load_config(*arguments, budget=x) for x in ('small', 'own', 'paper'))
    for cfg in (small, own):
        assert cfg.model.queue.size < paper.model.queue.size
        assert cfg.model.backbone.hidden_size < paper.model.backbone.hidden_size
        assert cfg.clip_len == cfg.train_dataloader.dataset.clip_len == 16
    for name in ('optim_wrapper', 'param_scheduler', 'train_cfg'):
        assert own[name] == paper[name] != small[name]
    assert own.train_dataloader.batch_size == paper.train_dataloader.batch_size == 128
    assert own.model.mining_epoch == paper.model.mining_epoch == 150
    assert own.budget == 'own'

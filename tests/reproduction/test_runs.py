"""The planned runs of a table can be started, and the table has their results."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmcmd.cli import load_config, runner_parser
from mmcmd.errors import InputError
from mmcmd.registry import MODELS
from mmcmd.reproduction import report
from mmcmd.reproduction.names import datasets, slug
from mmcmd.reproduction.paper import Cell
from mmcmd.reproduction.papers import METHODS, TABLES
from mmcmd.reproduction.papers.comparison import MASKED
from mmcmd.reproduction.protocols import PROTOCOLS
from mmcmd.reproduction.runs import Reproduction
from mmcmd.reproduction.stages import Stage

OPTIONS = ('train_cfg.max_epochs=2', 'param_scheduler=None')


@pytest.fixture(autouse=True)
def in_repository(root, monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.chdir(root)


@pytest.fixture
def data(tmp_path):
    return Stage('data', ['make.py'], tmp_path / 'data', tmp_path / 'data.pkl')


@pytest.fixture
def short(tmp_path, data):
    files = {'synthetic_xsub': data.product}
    return Reproduction(
        'synthetic_xsub', tmp_path, (0, 1), 'small', 'bigru', files, OPTIONS, [data]
    )


@pytest.fixture
def plain(tmp_path):
    return Reproduction('ntu60_xsub', tmp_path, budget='paper')


def read(stage):
    """Return the config of a stage, read with the parser of its tool."""
    tool, *arguments = stage.command
    assert Path(tool).is_file()
    parser = runner_parser('x')
    parser.add_argument('--seed', type=int)
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--pretrained')
    parser.add_argument('checkpoint', nargs='?')
    args = parser.parse_args(arguments)
    return load_config(args), args


@pytest.mark.parametrize(
    ('protocol', 'loop', 'crops'),
    [
        ('linear', 'CachedFeatureLoop', 4),
        ('linear_clr', 'CachedFeatureLoop', 4),
        ('cached2', 'CachedFeatureLoop', 2),
        ('linear_small', 'CachedFeatureLoop', 10),
        ('finetune', 'ResumableEpochLoop', None),
        ('semi10', 'ResumableEpochLoop', None),
    ],
)
def test_crops_are_cached_for_frozen_encoders_only(short, protocol, loop, crops):
    usual, cached = short, replace(short, crops=4, _runs={})
    before, after = (x.chain(Cell('CMD', protocol, 'joint'), 0)[-1] for x in (usual, cached))
    config, in_command = after.config, 'train_cfg.num_crops=4' in after.stage.command
    assert config.train_cfg.type == loop
    assert config.train_cfg.get('num_crops') == crops
    assert in_command == (crops == 4)
    assert ('4-crops' in str(after.stage.work_dir)) == (crops == 4)
    assert usual.pretraining('CMD', 0).stage.work_dir == cached.pretraining('CMD', 0).stage.work_dir
    assert config.train_cfg.max_epochs == before.config.train_cfg.max_epochs


@pytest.mark.parametrize('method', ['raw', 'random', 'CMD', 'K=64', 'J<-B', 'AimCLR'])
def test_tools_run_the_pre_trainings_that_were_planned(short, method):
    one = short.pretraining(method, 1)
    config, args = read(one.stage)
    assert config.work_dir == str(one.stage.work_dir)
    assert config.model == one.config.model
    assert config.data.name == 'synthetic_xsub'
    assert config.test_dataloader == one.config.test_dataloader
    if one.epochs:
        assert config.train_dataloader == one.config.train_dataloader
        assert (one.epochs, one.stage.product.name, args.seed) == (2, 'epoch_2.pth', 1)
    else:
        assert (config.train_cfg, config.randomness.seed) == (None, 1)
        assert one.stage.product.name == 'test_results.json'


OF_ENCODERS = dict.fromkeys(('finetune_mamp', 'semi_mamp'), 'MAMP')
OF_ENCODERS |= dict.fromkeys(('linear_slim', 'semi_slim'), 'SLiM')


@pytest.mark.parametrize('method', ['CMD', 'SkeletonCLR', 'MAMP', 'SLiM'])
def test_every_protocol_is_planned_as_its_tool_will_run_it(short, method):
    source = short.pretraining(method, 1)
    write_checkpoint(source)
    for protocol in PROTOCOLS:
        if OF_ENCODERS.get(protocol.rstrip('0123456789'), method) != method:
            continue  # which needs another encoder
        one = short.chain(Cell(method, protocol, 'joint'), 1)[-1]
        config, args = read(one.stage)
        assert config.model == one.config.model, protocol
        assert config.train_cfg == one.config.train_cfg, protocol
        assert config.train_dataloader == one.config.train_dataloader, protocol
        assert config.val_dataloader == one.config.val_dataloader, protocol
        wanted = str(source.stage.product) if PROTOCOLS[protocol].pretrained else None
        given = args.checkpoint if PROTOCOLS[protocol].tested else args.pretrained
        assert given == wanted, protocol


def write_checkpoint(one):
    """Write a checkpoint that describes its encoders. The weights do not matter here."""
    one.stage.work_dir.mkdir(parents=True, exist_ok=True)
    state = {f'encoders.{name}.x': torch.zeros(1) for name in one.streams}
    meta = {'encoder': one.description}
    torch.save({'state_dict': state, 'meta': meta}, one.stage.product)


def test_evaluation_takes_clip_length_and_pipeline_of_its_pre_training(plain):
    linear = plain.chain(Cell('AimCLR', 'linear_clr', '3s'), 0)[-1].config
    assert linear.train_dataloader.dataset.clip_len == 50
    first = linear.train_dataloader.dataset.pipeline[0]
    assert first.type == 'NormalizePersons'
    assert linear.model.fusion.weights == {'joint': 0.6, 'bone': 0.6, 'motion': 0.4}
    assert 'fusion' not in plain.chain(Cell('AimCLR', 'linear', '3s'), 0)[-1].config.model


def test_cross_view_evaluation_averages_the_scores_of_its_streams(plain):
    one = plain.chain(Cell('2s-CrosSCLR', 'linear_joint', '2s'), 0)[-1]
    model = one.build()
    assert (model.joint_loss, model.streams) == (True, ('joint', 'motion'))
    assert model.fusion == {'softmax': False, 'weights': {'joint': 1, 'motion': 1}}


def test_what_tables_share_is_planned_once(short):
    first, second = TABLES['table1'].only(['MoCo', 'J<->M', 'CMD']), TABLES['table5']
    first, second = short.runs(first), short.runs(second)
    shared = {one.stage.name for one in first} & {one.stage.name for one in second}
    assert {'CMD, seed 1', 'MoCo, linear, seed 0'} <= shared
    known = {one.stage.name: one for one in first}
    assert all(known[one.stage.name] is one for one in second if one.stage.name in shared)
    for kind in ('work_dir', 'name', 'signature'):
        values = {getattr(one.stage, kind) for one in second}
        assert len(values) == len(second), kind


def test_budget_of_the_paper_changes_nothing_but_the_method(plain):
    one, two = plain.pretraining('CMD', 0), plain.pretraining('J<-B', 0)
    assert '--cfg-options' not in one.stage.command
    assert one.epochs == 450
    assert two.stage.command[-2:] == ['model.modalities=[joint,bone]', 'model.pairs=[(bone,joint)]']
    assert two.config.model.pairs == [('bone', 'joint')]
    assert two.config.optim_wrapper == one.config.optim_wrapper


def test_a_method_may_have_another_config_for_a_data_set(tmp_path):
    one = Reproduction('pkummd2_xsub', tmp_path, budget='paper').pretraining('CMD', 0)
    assert (one.stage.command[1], one.epochs) == ('configs/cmd/cmd_pkummd2.py', 1000)


def test_small_budget_shrinks_what_is_of_the_paper_s_size(tmp_path):
    small = Reproduction('ntu60_xsub', tmp_path)
    config = small.pretraining('K=64', 0).config
    assert (config.model.backbone.hidden_size, config.model.queue.size) == (128, 1024)
    assert config.model.distill_head.topk == 4, '64 of 16384'
    assert config.optim_wrapper.optimizer == {'type': 'Adam', 'lr': 0.002, 'weight_decay': 1e-5}
    linear = small.chain(Cell('CMD', 'linear', '3s'), 0)[-1].config
    assert linear.model.backbone == config.model.backbone
    assert (linear.train_cfg.max_epochs, linear.param_scheduler[0].milestones) == (15, [10, 13])


def test_methods_are_compared_with_one_recipe(tmp_path):
    runs = Reproduction('bandai2_xstyle', tmp_path).runs(TABLES['methods'])
    trained = [one for one in runs if hasattr(MODELS.get(one.config.model.type), 'views')]
    assert {one.config.model.type for one in trained} >= {
        *('SkeletonCLR', 'CrosSCLR', 'AimCLR', 'ISC', 'CMD', 'PCM3'),
        *('ASCAL', 'MS2L', 'PredictCluster', 'LongTGAN'),
        *('MAMP', 'STARS', 'USDRL', 'SLiM'),
    }
    transformers = {*MASKED, 'CMD, transformer'}
    for one in trained:
        config = one.config
        assert config.optim_wrapper.optimizer == trained[0].config.optim_wrapper.optimizer
        length = config.train_cfg.max_epochs, config.train_cfg.get('epoch_steps')
        assert (*length, config.clip_len) == (18, None, 16)
        own = one.stage.name.rsplit(',', 1)[0] in transformers  # has an encoder of its own
        if 'queue' in config.model and not own:
            size = trained[0].config.model.queue.size
            assert (config.model.queue.size, config.model.momentum) == (size, 0.01)
        assert config.train_dataloader.batch_size == 64
        assert one.streams == ['joint', 'motion', 'bone']
        assert {9, None} >= {config.model.get('cross_epoch'), config.model.get('mining_epoch')}
        assert own or config.model.backbone == trained[0].config.model.backbone


def test_evaluation_waits_for_and_takes_its_own_encoder(short, data):
    for method in ('random', 'MoCo', 'J<->B', 'raw'):
        *before, evaluation = short.chain(Cell(method, 'linear', 'joint'), 1)
        wanted = str(before[0].stage.product) if before else 'random'
        assert evaluation.config.model.pretrained == wanted
        assert list(evaluation.stage.needs) == ([before[0].stage] if before else [data])
        assert evaluation.streams == short.pretraining(method, 1).streams
    assert evaluation.config.model.backbone.type == 'RawCoordinates'


def test_a_row_of_another_encoder_is_run_once_for_all_tables(tmp_path):
    others = {}
    for encoder in ('bigru', 'stgcn_clr', 'bigru_plain'):
        root = tmp_path / encoder
        others[encoder] = Reproduction(
            'ntu60_xsub', root, budget='paper', encoder=encoder, others=others
        )
    table = TABLES['table1'].only(['AimCLR', 'ISC', 'CMD'])
    stages = {one.stage.name: one for one in others['bigru'].runs(table)}
    aimclr = stages['AimCLR, seed 0']
    assert aimclr.config.model.backbone.type == 'SkeletonCLRSTGCN'
    assert aimclr.stage.work_dir.parent == tmp_path / 'stgcn_clr'
    assert aimclr is others['stgcn_clr'].pretraining('AimCLR', 0)
    assert not stages['ISC, seed 0'].config.model.backbone.with_norm
    assert stages['CMD, seed 0'].stage.work_dir.parent == tmp_path / 'bigru'
    alone = Reproduction('ntu60_xsub', tmp_path / 'one').runs(table)
    assert {one.config.model.backbone.type for one in alone} == {'BiGRU'}


def test_evaluation_of_isc_takes_its_first_encoders(short):
    source, linear = short.chain(Cell('ISC', 'linear', '3s'), 0)
    assert linear.config.model.modalities == ['joint', 'motion', 'bone']
    assert linear.config.model.backbone == source.config.model.backbone
    assert linear.build().streams == source.build().evaluated_streams


def test_evaluation_of_p_and_c_tests_its_checkpoint_by_nearest_neighbours(short):
    source, test = short.chain(Cell('P&C', 'knn_pc', 'joint'), 0)
    assert list(test.stage.command)[:3] == [
        'tools/test.py',
        'configs/benchmarks/knn_pc.py',
        str(source.stage.product),
    ]
    assert list(test.stage.needs) == [source.stage]
    (record,) = short.records(TABLES['table2'].only(['P&C']))['P&C']
    assert (record['metric'], record['runs']) == ('knn/top1', [])


def test_supervised_training_needs_no_pre_training(short, data):
    (one,) = short.chain(Cell('CMD', 'supervised', 'joint'), 0)
    assert (one.config.model.pretrained, one.config.model.frozen) == ('random', False)
    assert list(one.stage.needs) == [data]


def test_semi_supervised_runs_differ_in_share_and_draw(short):
    subsets = [
        short.chain(Cell('CMD', f'semi{percent}', 'joint'), seed)[
            -1
        ].config.train_dataloader.dataset.subset.to_dict()
        for percent in (1, 20)
        for seed in (0, 1)
    ]
    assert subsets == [{'percent': p, 'seed': s} for p in (1, 20) for s in (0, 1)]


def test_transfer_trains_on_another_data_set(short):
    source, target = short.chain(Cell('CMD', 'transfer', 'joint'), 0)
    assert target.config.train_dataloader.dataset.ann_file == 'data/syntheticpku.pkl'
    assert target.config.model.pretrained == str(source.stage.product)
    assert not target.config.model.frozen


def test_transfer_from_what_has_no_target_is_told(tmp_path):
    with pytest.raises(InputError, match='bandai2_xstyle has no target data set for a transfer'):
        Reproduction('bandai2_xstyle', tmp_path).runs(TABLES['table3'])


def test_ablations_change_what_they_say(plain):
    model = plain.pretraining('positive mining', 0).config.model
    assert (model.distill_head.topk, model.queue.size) == (16384, 16384)
    assert model.distill_head.teacher_temperature == 0.001
    assert plain.pretraining('MoCo', 0).config.model.pairs == []
    pairs = plain.pretraining('J<-M, J<-B', 0).config.model.pairs
    assert pairs == [('motion', 'joint'), ('bone', 'joint')]


def test_data_sets_are_found_by_name_and_split():
    assert datasets('ntu120') == ['ntu120_xset', 'ntu120_xsub']
    assert datasets('bandai2_xstyle') == datasets('bandai2') == ['bandai2_xstyle']
    with pytest.raises(
        InputError, match="no data set 'ntu'; give one of bandai2_xstyle, msraction3d_xsub, ntu"
    ):
        datasets('ntu')


def test_folders_of_methods_are_different_and_plain():
    slugs = [slug(name) for name in METHODS]
    assert len(set(slugs)) == len(METHODS)
    assert not any(character in ''.join(slugs) for character in '<>, /')


def finish(one, metrics):
    """Write the files of a finished run."""
    folder = one.stage.work_dir
    folder.mkdir(parents=True, exist_ok=True)
    entries = {k: {'last': v, 'best': v + 0.1, 'best_epoch': 1} for k, v in metrics.items()}
    one.stage.product.write_bytes(b'weights')
    (folder / 'results.json').write_text(json.dumps(entries))
    (folder / 'stage.done').write_text(f'{one.stage.signature} 90 9a129038\n')


def test_report_says_what_was_run_and_leaves_the_rest_blank(short, tmp_path):
    table = TABLES['table2'].only(['MoCo', 'CMD'])
    short.data = 'ntu60_xsub'
    for seed, accuracy in ((0, 0.5), (1, 0.7)):
        finish(short.pretraining('CMD', seed), {'knn/top1': accuracy})
    records = short.records(table)
    assert [run['last'] for run in records['CMD'][0]['runs']] == [50, 70]
    report.write(table, records, 'ntu60_xsub', 'small', tmp_path / 'table2', 'a note')

    lines = (tmp_path / 'table2.md').read_text().splitlines()
    assert '|  | top-1: paper | top-1: ours |' in lines
    assert '| MoCo | 63.4 |  |' in lines, 'what was not run is blank'
    assert '| CMD | 70.6 | 60.0 ± 14.1 |' in lines
    table4 = replace(TABLES['table4'], rows={'ASSL': TABLES['table4'].rows['ASSL']})
    text = report.markdown(table4, short.records(table4), 'ntu60_xsub', 'small')
    assert '- ASSL: no code was released' in text
    assert '| ASSL |  | 57.3 |  | 64.3 |  | 68.0 |  |' in text
    assert {'a note', '- CMD, Table 2: CMD', '- CMD, Table 5: MoCo'} <= {*lines}
    row = next(line for line in lines if line.startswith('| configs/cmd/cmd.py'))
    cells = [cell.strip() for cell in row.strip('|').split('|')]
    assert cells[1:] == ['CMD', 'knn', 'knn/top1', '0', '2', '50.0', '60.0 (1)', '9a129038', '1.5']
    content = json.loads((tmp_path / 'table2.json').read_text())
    command = content['rows']['CMD'][0]['runs'][1]['command']
    one = short.pretraining('CMD', 1)
    assert shlex.split(command) == ['python', *one.stage.command], 'a shell can repeat it'
    assert content['hardware'] == report.hardware()


def test_a_number_whose_encoder_changed_is_not_reported(short, tmp_path):
    cell = Cell('CMD', 'linear', 'joint')
    encoder, linear = short.chain(cell, 0)
    finish(encoder, {'knn/top1': 0.5})
    finish(linear, {'acc/joint_top1': 0.5, 'acc/3s_top1': 0.6})
    table = TABLES['table1'].only(['CMD'])
    assert len(short.records(table)['CMD'][0]['runs']) == 1
    (encoder.stage.work_dir / 'stage.done').write_text('another signature\n')
    assert not short.records(table)['CMD'][0]['runs']


def test_method_that_starts_from_another_one_gets_the_encoders_of_the_same_seed(short):
    mamp, stars, linear = short.chain(Cell('STARS', 'linear', 'joint'), 1)
    assert f'model.encoder_from={mamp.stage.product}' in stars.stage.command
    assert mamp.stage in stars.stage.needs
    assert stars.stage in linear.stage.needs
    assert [mamp.stage.name, stars.stage.name] == ['MAMP, seed 1', 'STARS, seed 1']
    assert [run.stage.name for run in short.chain(Cell('STARS', 'knn', 'joint'), 1)] == [
        'MAMP, seed 1',
        'STARS, seed 1',
    ]


def test_own_recipes_have_their_own_encoder_optimiser_and_evaluation(tmp_path):
    others = {}
    table = TABLES['recipes'].only(['AS-CAL', 'MAMP', 'P&C'])
    for encoder in ('bigru', *table.encoders):
        others[encoder] = Reproduction(
            'bandai2_xstyle', tmp_path / encoder, budget='own', encoder=encoder, others=others
        )
    runs = {one.stage.name: one for one in others['bigru'].runs(table)}
    optimizers = {k: one.config.optim_wrapper.optimizer for k, one in runs.items() if one.epochs}
    assert optimizers['AS-CAL, seed 0'].type == 'SGD'
    assert optimizers['MAMP, seed 0'].type == 'AdamW'
    backbones = {name: one.config.model.backbone.type for name, one in runs.items()}
    assert (backbones['AS-CAL, seed 0'], backbones['MAMP, seed 0']) == (
        'LSTM',
        'SkeletonTransformer',
    )
    assert {'AS-CAL, linear_ascal, seed 0', 'MAMP, linear_mamp, seed 0'} <= set(runs)
    assert 'P&C, knn_pc, seed 0' in runs

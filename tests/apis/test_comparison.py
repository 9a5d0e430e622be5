"""The stages of a comparison can be run as they are planned, and its table says all of them."""

import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmcmd.apis.cli import load_config, runner_parser
from mmcmd.apis.comparison import LINEAR, METHODS, ROWS, Comparison, cells, markdown
from mmcmd.apis.stages import Stage

OPTIONS = ('train_cfg.max_epochs=2', 'param_scheduler=None', 'train_dataloader.batch_size=8')
RECIPES = ('random', *METHODS)


@pytest.fixture(scope='module', autouse=True)
def in_repository(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('LOCAL_RANK', '0')
        patch.chdir(root)
        yield


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('comparison')


@pytest.fixture(scope='module')
def data(folder):
    return Stage('data', ['make.py'], folder / 'data', folder / 'data.pkl')


@pytest.fixture(scope='module')
def short(folder, data):
    return Comparison('synthetic_xsub', folder, (0, 1), data.product, OPTIONS, [data])


@pytest.fixture(scope='module')
def plain(folder):
    return Comparison('bandai2_xstyle', folder / 'plain')


@pytest.fixture(scope='module')
def configs(short):
    """Return what the tools would run: work dir of a stage to config."""
    return {stage.work_dir: read(stage) for stage in short.stages()}


def read(stage):
    """Return the config that the tool of a stage would run, with the tool's own parser."""
    tool, *arguments = stage.command
    assert Path(tool).is_file()
    parser = runner_parser('x')
    parser.add_argument('--seed', type=int)
    parser.add_argument('--resume', action='store_true')
    return load_config(parser.parse_args(arguments))


def ann_files(value, key=None):
    if isinstance(value, dict):
        return [x for name, item in value.items() for x in ann_files(item, name)]
    return [value] if key == 'ann_file' else []


def test_commands_name_tools_and_configs_that_exist(configs, plain):
    configs = configs | {stage.work_dir: read(stage) for stage in plain.stages()}
    for work_dir, cfg in configs.items():
        assert cfg.work_dir == str(work_dir)
        assert cfg.layout == ('bandai2' if work_dir.parent == plain.root else 'ntu')


def test_every_method_and_seed_has_work_dirs_of_its_own(short):
    stages = short.stages()
    assert len(stages) == 2 * (len(METHODS) + 1 + len(RECIPES))
    assert len({stage.work_dir for stage in stages}) == len(stages)
    assert len({stage.name for stage in stages}) == len(stages)
    assert len({stage.signature for stage in stages}) == len(stages)


def test_overrides_reach_the_configs(short, configs):
    for stage in (*short.pretrain.values(), *short.linear.values()):
        cfg = configs[stage.work_dir]
        assert cfg.train_cfg.max_epochs == 2
        assert stage.product == stage.work_dir / 'epoch_2.pth'
        assert cfg.param_scheduler is None
        assert cfg.train_dataloader.batch_size == 8


def test_every_loader_reads_the_pickle_that_was_asked_for(configs, data):
    used = 'train_dataloader', 'val_dataloader', 'test_dataloader', 'val_cfg', 'test_cfg'
    for cfg in configs.values():
        files = [x for name in used for x in ann_files(cfg[name].to_dict())]
        assert set(files) == {str(data.product)}
        assert len(files) == (3 if cfg.model.type == 'SkeletonClassifier' else 5)


def test_without_overrides_the_configs_are_trained_as_they_are(plain):
    for method, path in METHODS.items():
        expected = Config.fromfile(path.format('bandai2_xstyle'))
        stage = plain.pretrain[method, 0]
        assert '--cfg-options' not in stage.command
        assert stage.product.name == f'epoch_{expected.train_cfg.max_epochs}.pth'


def test_linear_evaluation_waits_for_and_takes_its_own_encoder(short, configs, data):
    for (method, seed), stage in short.linear.items():
        encoder = short.pretrain.get((method, seed))
        assert configs[stage.work_dir].model.pretrained == (
            str(encoder.product) if encoder else 'random'
        )
        assert list(stage.needs) == [encoder or data]


def test_seeds_reach_the_tools(short, configs):
    for (_, seed), stage in (*short.pretrain.items(), *short.linear.items()):
        assert stage.command[stage.command.index('--seed') + 1] == str(seed)
    for seed, stage in short.random.items():
        assert configs[stage.work_dir].randomness.seed == seed


def test_methods_differ_in_distillation_alone(short):
    moco, cmd = (short.config(METHODS[method]).to_dict() for method in ('MoCo', 'CMD'))
    assert moco['model'].pop('pairs') == ()
    assert moco == cmd


def test_config_for_python_users_reads_the_same_data(short, data):
    config = short.config(LINEAR)
    assert config.test_dataloader.dataset.ann_file == str(data.product)


@pytest.fixture
def accuracies(short):
    """Return what is read of results in which every number occurs once."""
    number = 0
    protocols = (short.pretrain | {('random', s): x for s, x in short.random.items()}, short.linear)
    expected = {}
    for protocol, stages in zip(('knn', 'acc'), protocols, strict=True):
        for (method, _), stage in stages.items():
            results = {}
            for metric in ROWS.values():
                if metric.startswith(protocol):
                    number += 1
                    results[metric] = {'last': number / 1000, 'best': 1.0, 'best_epoch': 1}
                    expected.setdefault((method, metric), []).append(number / 1000)
            stage.work_dir.mkdir(exist_ok=True)
            (stage.work_dir / 'results.json').write_text(json.dumps(results))
    found = short.accuracies()
    assert {(m, x): v for m, metrics in found.items() for x, v in metrics.items()} == expected
    return found


def test_table_has_each_method_and_metric_once(accuracies):
    head, rule, *rows = markdown(accuracies).splitlines()
    assert re.findall(r'[^|]+', head)[1:] == [f' {method} ' for method in RECIPES]
    assert rule.count('--:') == len(RECIPES)
    assert len(rows) == len(ROWS) == 8
    for row, (label, metric) in zip(rows, ROWS.items(), strict=True):
        first, *values = (cell.strip() for cell in row.strip('|').split('|'))
        assert first == label
        assert values == cells(accuracies, metric)
        assert len(set(values)) == len(RECIPES)


def test_cell_is_the_mean_in_percent_and_the_spread_over_seeds():
    table = {'CMD': {'knn/top1': [0.5, 0.7, 0.9]}, 'MoCo': {'knn/top1': [0.25]}}
    assert cells(table, 'knn/top1') == ['70.0 ± 20.0', '25.0']

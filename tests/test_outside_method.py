"""A method outside the package can be used in the same way as one inside.

`docs/add_a_method.md` explains SimCLR in `examples/simclr`. `tests/outside` holds a method with a
random mask and view groups of different lengths. Both are copied to a temporary folder, so that
their modules cannot be imported from the repository.
"""

import json
import pickle
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tiny_encoders import tiny_encoder

from mmcmd.apis import build_loader, choices, extract_features, init_model, load_config
from mmcmd.errors import InputError
from mmcmd.registry import MODELS, TRANSFORMS
from mmcmd.reproduction.cost import estimate
from mmcmd.reproduction.paper import Cell, Method, Table
from mmcmd.reproduction.papers import METHODS as METHODS_OF_PAPERS
from mmcmd.reproduction.runs import Reproduction

ROOT = Path(__file__).parents[1]
METHODS = {'simclr': ROOT / 'examples/simclr', 'masked': ROOT / 'tests/outside'}
TINY_ENCODER = {'model.backbone.hidden_size': 4, 'model.backbone.num_layers': 1}
TINY = {
    'train_cfg.max_epochs': 2,
    'train_cfg.val_interval': 1,
    'param_scheduler': None,
    'train_dataloader.batch_size': 5,
    'train_dataloader.num_workers': 0,
    'val_dataloader.num_workers': 0,
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.checkpoint.max_keep_ckpts': 99,
    'default_hooks.logger.interval': 1,
}
VAL = 'val_dataloader', 'val_cfg.gallery_dataloader'
GALLERY = {'val_cfg.gallery_dataloader.num_workers': 0}


def data_file(folder, name, pickle_file, num_classes):
    """Write a data config of a user; return its path."""
    path = folder / f'{name}.py'
    path.write_text(
        f"data = dict(name='{name}', ann_file='{pickle_file}', split='xsub', layout='ntu', "
        f'num_classes={num_classes}, small=True)\n'
    )
    return path


@pytest.fixture(scope='module')
def outside(tmp_path_factory, tiny_pickle):
    """Return a folder with the methods, a data set `tiny` and another one, `other`."""
    before = list(sys.path)
    folder = tmp_path_factory.mktemp('outside')
    for source in METHODS.values():
        shutil.copytree(source, folder, dirs_exist_ok=True)
    data_file(folder, 'tiny', tiny_pickle, 4)
    data = pickle.loads(tiny_pickle.read_bytes())
    for sample in data['annotations']:
        sample['label'] %= 3
    (folder / 'other.pkl').write_bytes(pickle.dumps(data, protocol=4))
    data_file(folder, 'other', folder / 'other.pkl', 3)
    yield folder
    sys.path[:] = before
    for name in [path.stem for path in folder.glob('*.py')]:
        if str(folder) in str(getattr(sys.modules.get(name), '__file__', '')):
            del sys.modules[name]
            for registry in (MODELS, TRANSFORMS):
                ours = [key for key, x in registry.module_dict.items() if x.__module__ == name]
                for key in ours:
                    del registry.module_dict[key]


def arguments(tool, *others, data='tiny', folder=None, **options):
    """Return a command line of a tool."""
    name = f'outside{time.monotonic_ns()}'  # mmengine's global log buffers have this name
    pairs = [f'{key}={value}' for key, value in (options | {'experiment_name': name}).items()]
    data = ('--data', folder / f'{data}.py')
    return [str(x) for x in (ROOT / 'tools' / tool, *others, *data, '--cfg-options', *pairs)]


@pytest.fixture(scope='module')
def run(outside, kept_signals):
    """Return a function: run a tool with the data set `tiny`, or another one."""

    def run(tool, *others, **options):
        command = arguments(tool, *others, folder=outside, **options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, 'argv', command)
            patch.setenv('LOCAL_RANK', '0')
            with pytest.raises(SystemExit) as stop, kept_signals():
                runpy.run_path(command[0], run_name='__main__')
            assert not stop.value.code, f'exit status {stop.value.code}'

    return run


@pytest.fixture(scope='module', params=METHODS)
def trained(request, outside, run):
    """Return a method's config file and the work dir of its training."""
    config, work_dir = outside / f'{request.param}.py', outside / f'work_{request.param}'
    run('train.py', config, '--work-dir', work_dir, **TINY, **GALLERY, **TINY_ENCODER)
    return config, work_dir


def results(folder, name='results.json'):
    return json.loads((folder / name).read_text())


def test_the_example_is_short():
    lines = [x for path in METHODS['simclr'].glob('*.py') for x in path.read_text().splitlines()]
    assert sum(bool(line.strip()) for line in lines) <= 60


def test_nt_xent_is_the_equation_of_the_paper(outside):
    load_config(outside / 'simclr.py')
    from simclr_model import nt_xent

    rows = torch.nn.functional.normalize(torch.randn(6, 4, dtype=torch.double), dim=1)
    expected = 0.0
    for i in range(6):
        j = i + 1 if i % 2 == 0 else i - 1
        scores = [(rows[i] @ rows[k] / 0.5).exp() for k in range(6) if k != i]
        expected -= ((rows[i] @ rows[j] / 0.5).exp() / sum(scores)).log() / 6
    torch.testing.assert_close(nt_xent(rows, 0.5)[0], expected)


@pytest.mark.parametrize('encoder', [x for x in choices('encoders') if x != 'raw'])  # no weights
@pytest.mark.parametrize('method', METHODS)
def test_every_encoder_takes_a_step(method, encoder, outside):
    cfg = load_config(outside / f'{method}.py', encoder=encoder)
    cfg.model.backbone = tiny_encoder(dict(cfg.model.backbone))
    cfg.model['neck' if method == 'simclr' else 'predictor'].hidden_channels = 64
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    inputs = torch.randn(3, 2, cfg.model.backbone.get('num_person', 2), 8, 25, 3)
    if method == 'masked':
        inputs = {'long': inputs[:, :1], 'short': inputs[:, :, :, :4]}
        if 'dense' in cfg.model.backbone:  # these need clips of one length
            with pytest.raises(InputError, match='was built for sequences'):
                model(inputs, mode='loss')
            return
    losses = model(inputs, mode='loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    for stream in model.streams:
        assert losses[f'loss_{stream}'].isfinite()
        grads = [x.grad for x in model.encoders[stream].parameters() if x.grad is not None]
        assert any(grad.abs().sum() > 0 for grad in grads), stream


def test_training_validates_by_nearest_neighbours(trained):
    _, work_dir = trained
    assert 0 <= results(work_dir)['knn/top1']['last'] <= 1
    assert 'knn/bone_top1' in results(work_dir)


@pytest.mark.parametrize(
    ('protocol', 'options'),
    [
        ('linear', {}),
        ('linear', {'train_cfg.type': 'CachedFeatureLoop', 'train_cfg.num_crops': 2}),
        ('semi', {'train_dataloader.dataset.subset.percent': 40}),
        ('finetune', {}),
        ('transfer', {'data': 'other'}),
    ],
    ids=['linear', 'cached', 'semi', 'finetune', 'transfer'],
)
def test_evaluation_needs_nothing_but_the_checkpoint(protocol, options, trained, run, tmp_path):
    _, work_dir = trained
    evaluation = ROOT / f'configs/benchmarks/{protocol}.py'
    pretrained = ('--pretrained', work_dir / 'epoch_2.pth')
    run('train.py', evaluation, *pretrained, '--work-dir', tmp_path, **(TINY | options))
    assert 0 <= results(tmp_path)['acc/top1']['last'] <= 1
    assert 'acc/bone_top1' in results(tmp_path)


def test_checkpoint_is_tested_by_both_configs(trained, run, tmp_path):
    config, work_dir = trained
    checkpoint = work_dir / 'epoch_2.pth'
    for name, file in (('own', config), ('knn', ROOT / 'configs/benchmarks/knn.py')):
        workers = {'test_cfg.gallery_dataloader.num_workers': 0, 'test_dataloader.num_workers': 0}
        sizes = TINY_ENCODER if name == 'own' else {}
        run('test.py', file, checkpoint, '--work-dir', tmp_path / name, **workers, **sizes)
    found = [results(tmp_path / name, 'test_results.json') for name in ('own', 'knn')]
    values = [{key: x['last'] for key, x in each.items()} for each in found]
    trained_with = {key: x['last'] for key, x in results(work_dir).items() if 'knn/' in key}
    for each in values:
        assert {key: each[key] for key in trained_with} == trained_with


def test_features_of_the_published_file_are_those_of_the_checkpoint(trained, run, tmp_path):
    config, work_dir = trained
    checkpoint = work_dir / 'epoch_2.pth'
    with pytest.MonkeyPatch.context() as patch:
        tool = str(ROOT / 'tools/model_converters/publish_model.py')
        patch.setattr(sys, 'argv', [tool, str(checkpoint), str(tmp_path / 'x.pth')])
        with pytest.raises(SystemExit):
            runpy.run_path(tool, run_name='__main__')
    (small,) = tmp_path.glob('x-*.pth')
    names = torch.load(small, weights_only=True)['state_dict']
    assert all(name.startswith('encoders.') for name in names)
    loader = {'test_dataloader.num_workers': 0, 'test_dataloader.persistent_workers': False}
    loader |= TINY_ENCODER
    files = []
    for source in (checkpoint, small):
        out = tmp_path / f'{source.stem}.npz'
        run('misc/extract_features.py', config, source, '--out', out, **loader)
        files.append(dict(np.load(out)))
    assert files[0]['joint'].shape == (9, 8)
    for name, values in files[0].items():
        np.testing.assert_array_equal(values, files[1][name])

    cfg = load_config(config, data=str(config.parent / 'tiny.py'), options=loader)
    features, _ = extract_features(init_model(cfg, small), build_loader(cfg))
    np.testing.assert_array_equal(files[0]['joint'], features['joint'].numpy())


def test_operations_are_counted(outside, run, capsys):
    run('analysis_tools/get_flops.py', outside / 'simclr.py', **TINY_ENCODER)
    text = capsys.readouterr().out
    assert '│ joint ' in text
    assert 'training step' in text


@pytest.fixture
def row(outside, tiny_pickle, tmp_path, monkeypatch):
    """Return a table with SimCLR as its only row, and its reproduction."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setitem(METHODS_OF_PAPERS, 'SimCLR', Method(str(outside / 'simclr.py')))
    cells = [Cell('SimCLR', protocol, '3s') for protocol in ('knn', 'linear')]
    options = {key: x for key, x in (TINY | TINY_ENCODER).items() if key != 'param_scheduler'}
    reproduction = Reproduction(
        'synthetic_xsub',
        tmp_path,
        ann_files={'synthetic_xsub': tiny_pickle},
        options=[f'{key}={value}' for key, value in options.items()],
    )
    return Table('outside', ['knn', 'linear'], {'SimCLR': cells}), reproduction


def test_method_is_planned_as_a_row_of_a_table(row):
    table, reproduction = row
    runs = reproduction.runs(table)
    assert [x.config.model.type for x in runs] == ['SimCLR', 'SkeletonClassifier']
    assert runs[1].stage.needs == [runs[0].stage]
    assert all(estimate(x).flops > 0 for x in runs)


def test_config_in_the_work_dir_still_finds_the_method(trained):
    config, work_dir = trained
    assert load_config(work_dir / config.name).model.type in ('SimCLR', 'MaskedGroups')


def test_global_draw_of_a_worker_ends_in_one_sentence(outside, tmp_path):
    options = TINY | GALLERY | TINY_ENCODER | {'train_dataloader.num_workers': 1}
    text = (outside / 'masked.py').read_text().replace('ShakeJoints', 'ShakeJointsGlobally')
    (outside / 'global_draws.py').write_text(text)
    command = ('train.py', outside / 'global_draws.py', '--work-dir', tmp_path)
    done = subprocess.run(
        [sys.executable, *arguments(*command, folder=outside, **options)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("train.py: error: ShakeJointsGlobally draws from numpy's global random")


class CutOffError(Exception):
    """Replaces SIGKILL, which `make outside` sends."""


class CutOffHook(Hook):
    def before_train_iter(self, runner, **kwargs):
        if runner.iter == 5:
            raise CutOffError


@pytest.mark.parametrize('method', METHODS)
def test_run_cut_off_in_the_middle_of_an_epoch_resumes_bit_for_bit(method, outside, tmp_path):
    differences = runpy.run_path(str(ROOT / 'tests/faults/kill_and_resume.py'))['differences']
    loader = {f'{name}.persistent_workers': False for name in ('train_dataloader', *VAL)}
    options = TINY | GALLERY | TINY_ENCODER | loader | {'train_cfg.max_epochs': 3}
    options |= {'default_hooks.checkpoint.by_epoch': False}

    def make(name, **others):
        data = str(outside / 'tiny.py')
        cfg = load_config(outside / f'{method}.py', data=data, options=options | others)
        cfg.work_dir = str(tmp_path / name)
        cfg.experiment_name = f'{name}{time.monotonic_ns()}'
        return Runner.from_cfg(cfg)

    make('whole').train()
    cut = make('cut')
    cut.register_hook(CutOffHook())
    with pytest.raises(CutOffError):
        cut.train()
    assert (tmp_path / 'cut/last_checkpoint').read_text().endswith('iter_5.pth')
    make('cut', resume=True).train()
    whole, resumed = (
        torch.load(tmp_path / name / 'iter_9.pth', weights_only=True) for name in ('whole', 'cut')
    )
    assert list(differences(whole, resumed)) == []


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('no_such_module', r"names 'no_such_module', which is not installed and not in .*outside"),
        ('cmd', "'cmd', but Python has another module of this name .* rename yours in"),
    ],
)
def test_module_that_cannot_be_found_is_named(name, message, outside):
    (outside / 'cmd.py').touch()
    (outside / 'wrong.py').write_text(f"custom_imports = dict(imports=['{name}'])\n")
    with pytest.raises(InputError, match=message):
        load_config(outside / 'wrong.py')


def test_name_that_is_taken_is_told(outside):
    text = 'from mmcmd.registry import MODELS\n\n@MODELS.register_module()\nclass CMD: pass\n'
    (outside / 'second_cmd.py').write_text(text)
    (outside / 'taken.py').write_text("custom_imports = dict(imports=['second_cmd'])\n")
    with pytest.raises(InputError, match=r'second_cmd: CMD is already registered .* force=True'):
        load_config(outside / 'taken.py')


def test_config_elsewhere_says_where_the_code_is(outside, tmp_path):
    path = tmp_path / 'variant.py'
    path.write_text(
        f"_base_ = '{outside / 'simclr.py'}'\ncode_folder = '{outside}'\n"
        'model = dict(temperature=0.5)\n'
    )
    assert MODELS.build(load_config(path, data='synthetic_xsub').model).temperature == 0.5

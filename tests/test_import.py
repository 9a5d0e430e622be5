import pickle
import subprocess
import sys

import pytest

LOADERS = {'MODELS': 'STGCN', 'HOOKS': 'CheckpointHook', 'LOOPS': 'TestLoop'}


class Canary:
    def __reduce__(self):
        return print, ('sings',)


def run_fresh(statements: str) -> tuple[int, str, str]:
    """Run statements in a new interpreter; return its status and its output."""
    done = subprocess.run(
        [sys.executable, '-c', statements], capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def test_importing_prints_nothing():
    everything = 'mmcmd.apis, mmcmd.models, mmcmd.datasets, mmcmd.engine, mmcmd.evaluation'
    assert run_fresh(f'import mmcmd, {everything}') == (0, '', '')


def test_importing_the_package_loads_no_framework():
    found = run_fresh('import sys, mmcmd; print({"torch", "mmaction"} & {*sys.modules})')
    assert found == (0, 'set()\n', '')


@pytest.mark.parametrize(
    'name', ['MODELS.STGCN', 'TRANSFORMS.FormatGCNInput', 'METRICS.AccMetric', 'HOOKS.TF32Hook']
)
def test_a_registry_imports_what_it_is_asked_for(name):
    registry, kind = name.split('.')
    statements = f'from mmcmd import registry; print(registry.{registry}.get("{kind}").__name__)'
    assert run_fresh(statements) == (0, f'{kind}\n', '')


def test_a_component_of_ours_can_be_replaced_before_any_was_asked_for():
    statements = (
        'from mmcmd.registry import MODELS\n'
        'class BiGRU: pass\n'
        'MODELS.register_module(force=True)(BiGRU)\n'
        'print(MODELS.get("BiGRU").__module__, MODELS.get("CMD").__module__.split(".")[0])'
    )
    assert run_fresh(statements) == (0, '__main__ mmcmd\n', '')


@pytest.mark.parametrize(
    'statement',
    [
        *(f'from mmcmd.registry import {x}; {x}.get("{y}")' for x, y in LOADERS.items()),
        *(f'import mmcmd.{x}' for x in ('models', 'engine', 'apis')),
    ],
)
def test_checkpoints_that_run_code_are_refused_wherever_one_begins(statement, tmp_path):
    path = tmp_path / 'evil.pth'
    path.write_bytes(pickle.dumps(Canary()))
    load = f'from mmengine.runner import load_checkpoint\nload_checkpoint(None, {str(path)!r})'
    status, out, err = run_fresh(f'{statement}\n{load}')
    assert status == 1
    assert 'holds more than data' in err
    assert 'sings' not in out


@pytest.mark.parametrize(
    ('registry', 'name', 'package'),
    [
        ('MODELS', 'CMD', 'mmcmd'),
        ('MODELS', 'STGCN', 'mmaction'),
        ('DATASETS', 'SkeletonDataset', 'mmcmd'),
        ('DATASETS', 'PoseDataset', 'mmaction'),
        ('TRANSFORMS', 'MultiView', 'mmcmd'),
        ('TRANSFORMS', 'FormatGCNInput', 'mmaction'),
        ('METRICS', 'KNNMetric', 'mmcmd'),
        ('METRICS', 'AccMetric', 'mmaction'),
        ('HOOKS', 'PlainCheckpointHook', 'mmcmd'),
        ('HOOKS', 'CheckpointHook', 'mmengine'),
        ('LOOPS', 'KNNValLoop', 'mmcmd'),
        ('DATA_SAMPLERS', 'EpochSampler', 'mmcmd'),
        ('DATA_SAMPLERS', 'DefaultSampler', 'mmengine'),
        ('OPTIMIZERS', 'SGD', 'torch'),
        ('VISUALIZERS', 'Visualizer', 'mmengine'),
        ('LOG_PROCESSORS', 'LogProcessor', 'mmengine'),
        ('WEIGHT_INITIALIZERS', 'ConvBranch', 'mmaction'),
    ],
)
def test_registries_find_ours_and_openmmlab_s_without_a_prefix(registry, name, package):
    from mmcmd import registry as registries

    found = getattr(registries, registry).get(name)
    assert found is not None
    assert found.__module__.split('.')[0] == package

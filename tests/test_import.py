import subprocess
import sys

import pytest


def run_fresh(statements: str) -> tuple[int, str, str]:
    """Run statements in a fresh interpreter; return its status and what it printed."""
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


@pytest.mark.parametrize(
    ('registry', 'name', 'package'),
    [
        ('MODELS', 'CMD', 'mmcmd'),
        ('MODELS', 'STGCN', 'mmaction'),
        ('DATASETS', 'SkeletonDataset', 'mmcmd'),
        ('DATASETS', 'PoseDataset', 'mmaction'),
        ('TRANSFORMS', 'Views', 'mmcmd'),
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

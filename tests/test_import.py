import subprocess
import sys

import pytest


def test_importing_prints_nothing():
    done = subprocess.run(
        [sys.executable, '-c', 'import mmcmd'], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


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
    ],
)
def test_registries_find_ours_and_openmmlab_s_without_a_prefix(registry, name, package):
    from mmcmd import registry as registries

    found = getattr(registries, registry).get(name)
    assert found is not None
    assert found.__module__.split('.')[0] == package

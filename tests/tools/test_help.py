"""`--help` of every tool is fast, fits into 80 columns, and lists what there is."""

import os
import resource
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = sorted(
    str(path.relative_to(Path(__file__).parents[2]))
    for path in Path(__file__).parents[2].glob('tools/**/*.py')
)
SECONDS = 1.0
"""Limit in seconds of a CPU: other processes of a busy machine do not count."""


@pytest.mark.parametrize('tool', TOOLS)
def test_help_is_fast_and_fits(root, tool):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.pathsep.join(filter(None, (str(root), os.environ.get('PYTHONPATH'))))
    done = subprocess.run(
        [sys.executable, '-X', 'importtime', root / tool, '--help'],
        capture_output=True,
        text=True,
        env=os.environ | {'PYTHONPATH': path, 'COLUMNS': '80'},
        timeout=120,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout
    imported = {line.rpartition('|')[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {'torch', 'mmaction'}
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


def load(root, tool):
    return runpy.run_path(str(root / 'tools' / tool))


def test_names_in_the_help_are_those_of_the_package(root):
    from mmcmd import synthetic
    from mmcmd.datasets import converters
    from mmcmd.datasets.annotations import official_totals
    from mmcmd.deployment import FORMATS, OUTPUTS
    from mmcmd.io.authors import METHODS
    from mmcmd.models.streams import MODALITIES
    from mmcmd.registry import CONVERTERS

    convert = load(root, 'data/convert.py')
    ours = {x for x, cls in CONVERTERS.module_dict.items() if cls.__module__.startswith('mmcmd.')}
    assert converters.convert
    assert set(convert['FORMATS']) == ours
    assert set(convert['TOTALS']) == set(official_totals.TOTALS)
    generator = load(root, 'data/make_synthetic.py')
    assert set(generator['FORMATS']) == set(synthetic.FORMATS)
    plan = synthetic.Plan()
    assert generator['DEFAULTS'] == {name: getattr(plan, name) for name in generator['DEFAULTS']}
    export = load(root, 'deployment/export.py')
    assert (export['FORMATS'], export['OUTPUTS']) == (tuple(FORMATS), OUTPUTS)
    released = load(root, 'model_converters/to_mmcmd.py')
    assert (released['METHODS'], released['MODALITIES']) == (METHODS, MODALITIES)


@pytest.mark.parametrize(
    ('tool', 'option'),
    [
        ('misc/print_config.py', '--launcher'),
        ('misc/print_config.py', '--work-dir'),
        ('misc/browse_dataset.py', '--launcher'),
        ('misc/browse_dataset.py', '--trust-checkpoint'),
        ('misc/extract_features.py', '--work-dir'),
        ('analysis_tools/get_flops.py', '--ann-file'),
        ('analysis_tools/get_flops.py', '--launcher'),
    ],
)
def test_a_tool_has_no_option_that_it_does_not_use(run_tool, tool, option):
    status, text, _ = run_tool(tool, '--help')
    assert status == 0
    assert option not in text

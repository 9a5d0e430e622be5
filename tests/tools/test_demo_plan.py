"""The plan of `tools/demo.py`; `.ci/run` runs it."""

import runpy
import sys
from pathlib import Path

import pytest

from mmcmd.reproduction.paper import Cell


@pytest.fixture(scope='module')
def plans(root, tmp_path_factory):
    """Return the demo's globals, and a budget's stages of the data and the runs on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        demo = runpy.run_path('tools/demo.py')
        folder = tmp_path_factory.mktemp('demo')
        yield demo, {name: demo['plan'](demo[name], folder) for name in ('FULL', 'SHORT')}


@pytest.fixture(params=['FULL', 'SHORT'])
def plan(request, plans):
    return plans[1][request.param]


def option(command, name):
    return command[command.index(name) + 1]


def test_all_is_trained_on_what_the_stages_before_it_make(plan):
    (generate, convert), reproduction = plan
    assert Path(generate.command[0]).is_file()
    assert Path(convert.command[0]).is_file()
    assert list(convert.needs) == [generate]
    assert convert.command[1:3] == ('ntu', generate.command[1])
    assert generate.product.parent == Path(generate.command[1])
    assert option(convert.command, '--out') == str(convert.product)
    for name in ('random', 'MoCo', 'CMD'):
        one = reproduction.pretraining(name, 0)
        assert list(one.stage.needs) == [convert]
        assert one.config.test_cfg.gallery_dataloader.dataset.ann_file == str(convert.product)
        linear = reproduction.chain(Cell(name, 'linear', '3s'), 0)[-1]
        assert linear.config.train_dataloader.dataset.ann_file == str(convert.product)


def test_recipe_for_small_data_has_its_own_encoder_and_is_evaluated_like_the_others(plans):
    demo, both = plans
    (_, convert), reproduction = both['FULL']
    label = 'linear, 3s'
    *others, cell = demo['TABLE'].rows[label]
    assert (cell.protocol, cell.stream) == (others[0].protocol, others[0].stream)
    before, evaluation = reproduction.chain(cell, 0)
    assert before.config.model.backbone.readout == 'mean'
    assert before.config.model.type == 'CMD'
    assert before.config.train_cfg.epoch_steps == 100
    assert list(before.stage.needs) == [convert]
    assert evaluation.stage.needs == [before.stage]
    assert evaluation in reproduction.runs(demo['TABLE'])


def test_generator_takes_the_options_it_is_given(plan, monkeypatch):
    (generate, _), _ = plan
    monkeypatch.setattr(sys, 'argv', list(generate.command))
    args = runpy.run_path(generate.command[0])['parse_args']()
    assert args.out_dir == generate.command[1]
    if '--subjects' in generate.command:
        assert (args.subjects, args.actions, args.cameras) == (6, 6, [2])


def test_report_says_that_the_data_is_synthetic(plans):
    demo, _ = plans
    assert 'SYNTHETIC' in demo['LABEL']
    assert 'No accuracy here says anything about real data' in demo['NOTE']


def test_budgets_share_no_file(plans):
    demo = plans[0]
    full, short = (
        {x.product for x in (*stages, *(one.stage for one in runs.runs(demo['TABLE'])))}
        for stages, runs in plans[1].values()
    )
    assert full
    assert not full & short

"""The benchmark of methods times each method with a batch from the method's own pipeline."""

import pytest
import torch

from benchmarks import methods, pcm3
from mmcmd.config_files import configs_root


def test_every_method_that_runs_with_the_common_encoder_is_timed():
    folders = {path.parent.name for path in configs_root().glob('*/metafile.yml')}
    # the reference, and those with encoders of their own
    others = {'moco', 'mamp', 'slim', 'stars', 'usdrl'}
    assert {name.split('/')[0] for name in methods.methods()} == folders - others


@pytest.mark.parametrize('name', [methods.MOCO, methods.PCM3])
def test_step_trains_the_method_on_its_own_views(name, mmcmd_scope):
    step = methods.TrainStep(methods.read(name, 'small'), 4)
    before = {name: x.clone() for name, x in step.model.encoders.named_parameters()}
    assert step.batch['inputs'][0].shape[0] == len(step.model.views)
    assert torch.isfinite(step()['loss'])
    after = dict(step.model.encoders.named_parameters())
    assert all(not torch.equal(x, after[name]) for name, x in before.items())


def test_pcm3_and_its_restatement_agree_in_the_short_form():
    figures = list(pcm3.run(short=True))
    assert [figure.goal for figure in figures] == ['', '']
    assert all('differs by at most' in figure.note and figure.value > 0 for figure in figures)

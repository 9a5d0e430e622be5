"""The log has the std of embeddings and the contrastive accuracy; a collapse gives a warning."""

import json
import re

import pytest
import torch
import torch.nn.functional as F

from mmcmd.models.functional import embedding_std

CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
FIGURES = r'embeddings in epoch {} \(.*\): joint ([\d.]+), ([\d.]+); motion [\d.]+, [\d.]+; bone'


def test_embedding_std_is_one_on_the_whole_sphere_and_zero_in_a_point():
    generator = torch.Generator().manual_seed(0)
    sphere = F.normalize(torch.randn(4096, 128, generator=generator), dim=1)
    assert embedding_std(sphere) == pytest.approx(1, abs=0.01)
    assert embedding_std(sphere[:1].expand(64, -1)) == pytest.approx(0, abs=1e-6)
    halves = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # each dimension: 1 and 0, hence 0.5
    assert embedding_std(halves) == pytest.approx(0.5 * 2**0.5)


def log_of(work_dir):
    return next(work_dir.rglob('*.log')).read_text()


def test_each_epoch_is_logged(pretrained):
    text = log_of(pretrained)
    lines = next(pretrained.rglob('scalars.json')).read_text().splitlines()
    scalars = [line for line in map(json.loads, lines) if 'std_joint' in line]
    assert len(scalars) == 6
    for epoch in (1, 2):
        std, acc = map(float, re.search(FIGURES.format(epoch), text).groups())
        assert 0.1 < std < 1
        # Logged scalars are means over a window. At the end of the first epoch, it is the epoch.
        if epoch == 1:
            assert std == pytest.approx(scalars[2]['std_joint'], abs=1e-3)
            assert acc == pytest.approx(scalars[2]['acc_joint'], abs=1e-4)


def test_collapsed_modality_is_warned_of(make_runner, tiny_options, tmp_path):
    options = {'train_cfg.max_epochs': 1, 'default_hooks.collapse.min_acc': 0}
    runner = make_runner(CONFIG, tmp_path, tiny_options | options)
    init_weights = runner.model.init_weights

    def init_collapsed():
        init_weights()
        for necks in (runner.model.necks, runner.model.key_necks):
            torch.nn.init.zeros_(necks['bone'].out.weight)
            torch.nn.init.ones_(necks['bone'].out.bias)

    runner.model.init_weights = init_collapsed
    runner.train()
    warnings = [line for line in log_of(tmp_path).splitlines() if 'WARNING' in line]
    warnings = [line for line in warnings if 'has collapsed' in line]
    assert len(warnings) == 1
    assert 'the bone representation' in warnings[0]
    assert 'in epoch 1 the standard deviation of its embeddings is 0.0' in warnings[0]


def test_contrastive_accuracy_is_watched_too(make_runner, tiny_options, tmp_path):
    options = {'train_cfg.max_epochs': 2, 'default_hooks.collapse.min_std': 0}
    options['default_hooks.collapse.min_acc'] = 1.1
    make_runner(CONFIG, tmp_path, tiny_options | options).train()
    assert log_of(tmp_path).count('has collapsed') == 3, 'once for each stream, not in each epoch'

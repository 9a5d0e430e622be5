"""Files from the pages on what can be added can be used in a training as written."""

import json
import re

import pytest
import torch
from mmengine.runner import Runner

from mmcmd.apis import load_config
from mmcmd.registry import MODELS

SAVED = re.compile(
    r'[Ss]ave\sthis(?: beside it,)?\sas\s`([^`]+)`:\n\n```python\n(.*?)```', re.DOTALL
)


@pytest.mark.parametrize(
    ('page', 'config', 'files'),
    [
        ('add_an_augmentation', 'cmd_shift.py', 2),
        ('add_a_loss', 'decoupled.py', 2),
        ('add_an_encoder', 'cmd_own_encoder.py', 4),
    ],
)
def test_the_page_trains_as_written(page, config, files, root, tmp_path, tiny_options):
    saved = dict(SAVED.findall((root / f'docs/{page}.md').read_text()))
    assert len(saved) == files
    for name, text in saved.items():
        (tmp_path / name).write_text(text)
    options = tiny_options | {'train_cfg.max_epochs': 1, 'experiment_name': page}
    encoder = None
    if page == 'add_an_encoder':
        encoder = str(tmp_path / 'temporal.py')
        options = {x: y for x, y in options.items() if not x.startswith('model.backbone')}
        options |= {'model.backbone.channels': 4, 'model.neck.in_channels': 4}
    cfg = load_config(tmp_path / config, data='ntu60_xsub', encoder=encoder, options=options)
    cfg.work_dir = str(tmp_path / 'work')
    Runner.from_cfg(cfg).train()
    results = json.loads((tmp_path / 'work/results.json').read_text())
    assert 0 <= results['knn/3s_top1']['last'] <= 1
    if page == 'add_an_encoder':
        pretrained = str(tmp_path / 'work/epoch_1.pth')
        linear = load_config(
            tmp_path / 'linear_own_encoder.py', data='ntu60_xsub', pretrained=pretrained
        )
        assert linear.model.backbone.channels == 4
        classifier = MODELS.build(linear.model)
        assert classifier.extract_feat(torch.zeros(3, 2, 8, 25, 3), 'joint').shape == (3, 4)


def test_code_on_the_page_of_methods_is_that_of_the_example(root):
    page = (root / 'docs/add_a_method.md').read_text()
    files = [path.read_text() for path in (root / 'examples/simclr').glob('*.py')]
    blocks = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
    for block in blocks[:3]:  # class, equation, config
        assert any(block in text for text in files)

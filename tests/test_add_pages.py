"""Files from the pages on augmentations and losses can be used in a training as written."""

import json
import re

import pytest
from mmengine.runner import Runner

from mmcmd.apis import load_config

SAVED = re.compile(
    r'[Ss]ave\sthis(?: beside it,)?\sas\s`([^`]+)`:\n\n```python\n(.*?)```', re.DOTALL
)


@pytest.mark.parametrize(
    ('page', 'config'),
    [('add_an_augmentation', 'cmd_shift.py'), ('add_a_loss', 'decoupled.py')],
)
def test_the_page_trains_as_written(page, config, root, tmp_path, tiny_options):
    saved = dict(SAVED.findall((root / f'docs/{page}.md').read_text()))
    assert len(saved) == 2
    for name, text in saved.items():
        (tmp_path / name).write_text(text)
    options = tiny_options | {'train_cfg.max_epochs': 1, 'experiment_name': page}
    cfg = load_config(tmp_path / config, data='ntu60_xsub', options=options)
    cfg.work_dir = str(tmp_path / 'work')
    Runner.from_cfg(cfg).train()
    results = json.loads((tmp_path / 'work/results.json').read_text())
    assert 0 <= results['knn/3s_top1']['last'] <= 1


def test_code_on_the_page_of_methods_is_that_of_the_example(root):
    page = (root / 'docs/add_a_method.md').read_text()
    files = [path.read_text() for path in (root / 'examples/simclr').glob('*.py')]
    blocks = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
    for block in blocks[:3]:  # class, equation, config
        assert any(block in text for text in files)

"""`tools/misc/print_config.py` prints the config that the other tools use."""

from mmengine.config import Config

TOOL = 'misc/print_config.py'


def test_printed_config_is_the_resolved_one(run_tool, tiny_command, tmp_path):
    status, text, _ = run_tool(TOOL, *tiny_command(**{'model.momentum': 0.25}))
    assert status == 0
    (tmp_path / 'printed.py').write_text(text)
    printed = Config.fromfile(tmp_path / 'printed.py')
    assert '_base_' not in text
    assert printed.model.momentum == 0.25
    assert printed.model.type == 'CMD'
    assert printed.train_dataloader.dataset.split == 'xsub_train'


def test_missing_config(run_tool, check_mistake):
    check_mistake(run_tool(TOOL, 'nothing.py'), 'print_config.py', 'nothing.py does not exist')

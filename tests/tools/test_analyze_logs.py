"""`tools/analysis_tools/analyze_logs.py` on the log of a real run."""

import json

from PIL import Image

TOOL = 'analysis_tools/analyze_logs.py'


def test_table_speed_and_curves_of_a_run(run_tool, pretrained, tmp_path):
    out = tmp_path / 'new' / 'curves.png'
    keys = 'loss_joint', 'knn/top1'
    status, text, stderr = run_tool(TOOL, pretrained, '--keys', *keys, '--out', out)
    assert status == 0, stderr
    last = json.loads((pretrained / 'results.json').read_text())['knn/top1']['last']
    (row,) = (line for line in text.splitlines() if 'knn/top1' in line)
    assert f'{last:.4g}' in row
    assert '1 to 2' in row
    assert 's an iteration' in text
    assert 'sequences a second' in text
    with Image.open(out) as image:
        assert image.size[0] > image.size[1]


def test_work_dir_and_its_file_are_two_runs_with_default_scalars(run_tool, pretrained):
    (file,) = pretrained.glob('*/vis_data/scalars.json')
    status, text, _ = run_tool(TOOL, pretrained, file)
    assert status == 0
    assert text.count('knn/top1') == 2
    assert text.count('s an iteration') == 2


def test_mistakes(run_tool, pretrained, tmp_path, check_mistake):
    (tmp_path / 'log.txt').write_text('no\nlog\n')
    for options, parts in (
        ((tmp_path / 'no',), ('does not exist', 'work dir')),
        ((tmp_path,), ('has no log of training',)),
        ((tmp_path / 'log.txt',), ('log.txt, line 1, is no record',)),
        ((pretrained, '--keys', 'smell'), ("no scalar 'smell'", 'loss_joint', 'knn/top1')),
    ):
        check_mistake(run_tool(TOOL, *options), 'analyze_logs.py', *parts)

"""`tools/analysis_tools/get_flops.py` prints a row for each encoder."""

TOOL = 'analysis_tools/get_flops.py'
# GRU of hidden size 4 on 150 numbers a frame, two directions; BatchNorm has 2 x 150 parameters.
PARAMS = 2 * 3 * 4 * (150 + 4 + 2) + 300


def test_rows(run_tool, tiny_command, root, tmp_path):
    status, text, stderr = run_tool(TOOL, *tiny_command())
    assert status == 0, stderr
    assert 'M x T x V x C = 2 x 8 x 25 x 3' in text
    for name in ('joint', 'motion', 'bone'):
        (row,) = (line for line in text.splitlines() if f'│ {name} ' in line)
        assert f'{PARAMS / 1e6:.3f} M' in row
    assert 'training step' in text


def test_step_of_a_classifier_is_counted_too(run_tool, root):
    config = root / 'configs/benchmarks/linear.py'
    small = 'model.backbone.hidden_size=4', 'model.backbone.num_layers=1'
    options = '--cfg-options', 'model.pretrained=random', *small
    status, text, stderr = run_tool(TOOL, config, '--shape', '2', '5', '25', '3', *options)
    assert status == 0, stderr
    assert '2 x 5 x 25 x 3' in text
    assert f'{PARAMS / 1e6:.3f} M' in text
    assert 'training step: 0.0001 G' in text


def test_mistakes(run_tool, tiny_command, check_mistake):
    for shape, part in (
        ('2 8 21 3', 'got an input of shape (1, 2, 8, 21, 3)'),
        ('2 0 25 3', '--shape must be four positive numbers'),
        ('2 8 25', 'expected 4 arguments'),
    ):
        outcome = run_tool(TOOL, *tiny_command('--shape', *shape.split()))
        check_mistake(outcome, 'get_flops.py', part)
    outcome = run_tool(TOOL, *tiny_command('--cfg-options', 'model.type=CDM'))
    check_mistake(outcome, 'get_flops.py', "the config cannot be built: 'CDM is not in")
    check_mistake(run_tool(TOOL, 'nothing.py'), 'get_flops.py', 'nothing.py does not exist')

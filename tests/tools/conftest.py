import pytest


@pytest.fixture
def tiny_command(root, tiny_options, tmp_path):
    """Return a function: other options -> arguments of a tool on the tiny pre-training config."""

    def make(*others, runs=False, **options):
        values = {name: x for name, x in tiny_options.items() if 'vis_backends' not in name}
        pairs = (f'{name}={value}' for name, value in (values | options).items())
        config = root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'
        work_dir = ['--work-dir', tmp_path / 'work'] if runs else []
        return [config, *others, *work_dir, '--cfg-options', *pairs]

    return make


@pytest.fixture
def check_mistake():
    """Return a function that checks for exit status 2 and for one line with all parts."""

    def check(outcome, tool, *parts):
        status, _, stderr = outcome
        assert status == 2, stderr
        lines = stderr.strip().splitlines()
        assert lines[-1].startswith(f'{tool}: error: ')
        assert len(lines) == 1 or lines[0].startswith('usage: ')
        for part in parts:
            assert part in lines[-1]

    return check

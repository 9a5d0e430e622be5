import pytest
import torch

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'


@pytest.mark.parametrize('interval', [2, 50], ids=['within an epoch', 'never but at its end'])
def test_scalars_are_those_that_mmengine_reads_in_every_iteration(
    make_runner, tiny_options, tmp_path, interval
):
    options = tiny_options | {
        'default_hooks.logger.interval': interval,
        'default_hooks.checkpoint.by_epoch': False,
        'default_hooks.checkpoint.interval': 1,  # in the middle of an interval too
    }
    scalars, saved = {}, {}
    for name in ('DeferredInfoHook', 'RuntimeInfoHook'):
        changes = options | {'default_hooks.runtime_info.type': name}
        runner = make_runner(CMD_CONFIG, tmp_path / name, changes)
        runner.train()
        scalars[name] = runner.message_hub.log_scalars
        saved[name] = torch.load(tmp_path / name / 'iter_4.pth', weights_only=True)['message_hub']

    ours, theirs = scalars.values()
    losses = [key for key in theirs if 'loss' in key or 'acc' in key or 'std' in key]
    assert len(losses) > 5
    for key in losses:
        for found, expected in zip(ours[key].data, theirs[key].data, strict=True):
            assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    ours, theirs = ({key: str(x[key]) for key in losses} for x in map(_scalars, saved.values()))
    assert ours == theirs


def _scalars(hub):
    return hub['log_scalars']

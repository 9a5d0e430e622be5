"""Complete runs of AS-CAL, MS2L, P&C and LongT GAN from their configs, on tiny data."""

import json
import math
import pickle

import pytest
import torch
from mmengine.hooks import Hook

from mmcmd.errors import InputError

RECURRENT = {'model.backbone.hidden_size': 4, 'model.backbone.num_layers': 1}
CONFIGS = {
    'ascal/ascal_lstm_ascal_ntu60_xsub.py': RECURRENT | {'model.queue.size': 12},
    'ms2l/ms2l_bigru_ms2l_ntu60_xsub.py': RECURRENT | {'model.decoder.hidden_size': 4},
    'pc/pc_bigru_pc_ntu60_xsub.py': RECURRENT,
    'longtgan/longtgan_bigru_longtgan_ntu60_xsub.py': RECURRENT
    | {'model.decoder.hidden_size': 4, 'model.discriminator.hidden_size': 3},
}
PC, LONGT = list(CONFIGS)[2:]


@pytest.fixture
def run(make_runner, tiny_options, tmp_path):
    """Return a function: config, name of the work dir, options -> a runner."""

    def run(config, name='run', **options):
        kept = {key: x for key, x in tiny_options.items() if not key.startswith('model.')}
        return make_runner(config, tmp_path / name, kept | CONFIGS[config] | options)

    return run


@pytest.mark.parametrize('config', CONFIGS)
def test_training_writes_results_and_an_encoder_that_evaluations_take(run, config, tmp_path, root):
    from mmcmd.apis import load_config
    from mmcmd.registry import MODELS

    runner = run(config)
    runner.train()
    results = json.loads((tmp_path / 'run/results.json').read_text())
    assert 0 <= results['knn/top1']['last'] <= 1
    (log,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [x['loss_joint'] for x in logged if 'loss_joint' in x]
    assert len(losses) >= 6
    assert all(math.isfinite(x) for x in losses)
    cfg = load_config(
        root / 'configs/benchmarks/linear.py', pretrained=str(tmp_path / 'run/epoch_2.pth')
    )
    model = MODELS.build(cfg.model)
    model.init_weights()
    for name, x in runner.model.encoders.state_dict().items():
        assert torch.equal(model.encoders.state_dict()[name], x)


def test_run_with_two_optimisers_goes_on_as_if_it_was_never_cut_off(run, tmp_path):
    run(LONGT, 'whole').train()
    whole = torch.load(tmp_path / 'whole/epoch_2.pth', weights_only=True)
    first = str(tmp_path / 'whole/epoch_1.pth')
    run(LONGT, 'resumed', load_from=first, resume=True).train()
    resumed = torch.load(tmp_path / 'resumed/epoch_2.pth', weights_only=True)
    assert set(whole['optimizer']) == {'generator', 'discriminator'}
    torch.testing.assert_close(resumed['state_dict'], whole['state_dict'], rtol=0, atol=0)
    for name in whole['optimizer']:
        states = [x['optimizer'][name]['state'] for x in (resumed, whole)]
        torch.testing.assert_close(*states, rtol=0, atol=0)
        assert len(states[0]) > 3


class Spoil(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 4:
            with torch.no_grad():
                runner.model.discriminators['joint'].out.weight.fill_(math.nan)


def test_discriminator_that_diverges_is_named_with_the_iteration(run):
    runner = run(LONGT)
    runner.register_hook(Spoil())
    with pytest.raises(InputError) as stop:
        runner.train()
    text = str(stop.value)
    assert text.startswith('the loss is not finite in iteration 5 (epoch 2): ')
    assert 'loss_discriminator_joint is nan' in text
    assert 'lower optim_wrapper.optimizer.lr' in text


def test_checkpoint_of_another_method_is_told(run, tmp_path):
    run(PC).train()
    runner = run(LONGT, 'other', load_from=str(tmp_path / 'run/epoch_2.pth'))
    with pytest.raises(InputError, match='a checkpoint of PredictCluster, has another architect'):
        runner.train()


def test_sequence_without_valid_frames_is_named(run, tiny_pickle, tmp_path):
    data = pickle.loads(tiny_pickle.read_bytes())
    data['annotations'][3]['keypoint'][:, :, 7] = 0  # a joint that is missing in every frame
    file = tmp_path / 'empty.pkl'
    file.write_bytes(pickle.dumps(data, protocol=4))
    runner = run(PC, **{'train_dataloader.dataset.ann_file': str(file)})
    with pytest.raises(InputError, match='sample03: every frame has a coordinate that is exactly'):
        runner.train()

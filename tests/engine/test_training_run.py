"""Runs of mmengine's runner with real configs at small sizes: train, resume, evaluate."""

import json

import pytest
import torch

CMD_CONFIG = 'cmd/cmd_bigru_ntu60_xsub.py'
LINEAR_CONFIG = 'benchmarks/linear.py'
STREAMS = 'joint', 'motion', 'bone', '3s'


def load(path):
    return torch.load(path, map_location='cpu', weights_only=True)


def assert_same_state(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_checkpoint_is_plain_data_and_complete(pretrained):
    checkpoint = load(pretrained / 'epoch_2.pth')
    assert checkpoint['meta']['epoch'] == 2
    assert checkpoint['meta']['iter'] == 6
    assert {'state_dict', 'optimizer', 'param_schedulers', 'message_hub'} <= set(checkpoint)
    pointers = {
        checkpoint['state_dict'][f'queues.{name}.queue_ptr'].item()
        for name in ('joint', 'motion', 'bone')
    }
    assert pointers == {6 * 5 % 12}


def test_results_hold_last_and_best_of_every_metric(pretrained):
    results = json.loads((pretrained / 'results.json').read_text())
    assert set(results) == {'knn/top1', 'knn/motion_top1', 'knn/bone_top1', 'knn/3s_top1'}
    logged = [
        json.loads(line) for line in next(pretrained.rglob('scalars.json')).read_text().splitlines()
    ]
    for name, entry in results.items():
        history = [line[name] for line in logged if name in line]
        assert len(history) == 2
        assert entry['last'] == pytest.approx(history[-1])
        assert entry['best'] == pytest.approx(max(history))
        assert entry['best_epoch'] == history.index(max(history)) + 1


def test_best_checkpoint_is_that_of_the_first_modality(pretrained):
    results = json.loads((pretrained / 'results.json').read_text())
    best = list(pretrained.glob('best_*.pth'))
    expected = f'best_knn_top1_epoch_{results["knn/top1"]["best_epoch"]}.pth'
    assert [path.name for path in best] == [expected]
    load(best[0])


def test_log_holds_losses_and_throughput(pretrained):
    lines = next(pretrained.rglob('scalars.json')).read_text().splitlines()
    first = json.loads(lines[0])
    names = 'loss', 'loss_joint', 'loss_motion', 'loss_bone', 'loss_cmd', 'acc_joint', 'lr'
    assert set(names) <= set(first)
    assert first['samples_per_s'] > 0
    parts = sum(first[f'loss_{name}'] for name in ('joint', 'motion', 'bone', 'cmd'))
    assert first['loss'] == pytest.approx(parts, rel=1e-4)


def test_resumed_run_ends_as_an_uninterrupted_one(pretrained, make_runner, tiny_options, tmp_path):
    options = tiny_options | {'resume': True, 'load_from': str(pretrained / 'epoch_1.pth')}
    runner = make_runner(CMD_CONFIG, tmp_path, options)
    runner.train()
    assert (runner.epoch, runner.iter) == (2, 6)

    resumed, whole = load(tmp_path / 'epoch_2.pth'), load(pretrained / 'epoch_2.pth')
    assert not (tmp_path / 'epoch_1.pth').exists(), 'epoch 1 was not trained again'
    assert_same_state(whole['state_dict'], resumed['state_dict'])
    for index, state in whole['optimizer']['state'].items():
        momentum = resumed['optimizer']['state'][index]['momentum_buffer']
        assert torch.equal(state['momentum_buffer'], momentum)
    histories = [x['message_hub']['log_scalars']['train/loss'] for x in (whole, resumed)]
    assert len(histories[0][0]) == 6
    assert all(torch.equal(a, b) for a, b in zip(*histories, strict=True))


def test_resume_keeps_the_results_before_it(pretrained, make_runner, tiny_options, tmp_path):
    (tmp_path / 'epoch_1.pth').write_bytes((pretrained / 'epoch_1.pth').read_bytes())
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    whole = json.loads((pretrained / 'results.json').read_text())
    # Results of the interrupted run after its first validation. They are better than later ones.
    before = {name: {'last': 1.5, 'best': 1.5, 'best_epoch': 1} for name in whole}
    (tmp_path / 'results.json').write_text(json.dumps(before))
    make_runner(CMD_CONFIG, tmp_path, tiny_options | {'resume': True}).train()
    for name, entry in json.loads((tmp_path / 'results.json').read_text()).items():
        expected = {'best': 1.5, 'best_epoch': 1, 'last': whole[name]['last']}
        assert entry == expected, name


def test_two_runs_are_equal_and_another_seed_is_not(
    pretrained, make_runner, tiny_options, tmp_path
):
    options = tiny_options | {'train_cfg.val_interval': 9}
    for seed in (42, 43):
        work_dir = tmp_path / str(seed)
        make_runner(CMD_CONFIG, work_dir, options | {'randomness.seed': seed}).train()
    first = load(pretrained / 'epoch_2.pth')['state_dict']
    assert_same_state(first, load(tmp_path / '42' / 'epoch_2.pth')['state_dict'])
    other = load(tmp_path / '43' / 'epoch_2.pth')['state_dict']
    name = 'encoders.joint.backbone.rnn.weight_hh_l0'
    assert not torch.equal(first[name], other[name])


def test_loops_of_nearest_neighbours_agree(pretrained, make_runner, tiny_options, tmp_path):
    options = tiny_options | {'load_from': str(pretrained / 'epoch_2.pth')}
    metrics = make_runner(CMD_CONFIG, tmp_path, options).test()
    validated = json.loads((pretrained / 'results.json').read_text())
    tested = json.loads((tmp_path / 'test_results.json').read_text())
    assert not (tmp_path / 'results.json').exists()
    for name, value in metrics.items():
        assert value == pytest.approx(validated[name]['last'])
        assert tested[name] == {'last': value, 'best': value, 'best_epoch': None}


@pytest.fixture(scope='module')
def linear(pretrained, make_runner, tiny_linear_options, tmp_path_factory):
    """Return the work dir of two epochs of linear evaluation."""
    work_dir = tmp_path_factory.mktemp('linear')
    options = tiny_linear_options | {'model.pretrained': str(pretrained / 'epoch_2.pth')}
    make_runner(LINEAR_CONFIG, work_dir, options).train()
    return work_dir


def test_linear_evaluation_trains_the_heads_only(pretrained, linear):
    encoders = load(pretrained / 'epoch_2.pth')['state_dict']
    state = load(linear / 'epoch_2.pth')['state_dict']
    for name, value in state.items():
        if name.startswith('encoders.'):
            assert torch.equal(value, encoders[name]), name
        elif name.endswith('bias'):
            assert value.any(), f'{name} started at 0 and has learnt nothing'


def test_linear_evaluation_reports_every_stream(linear):
    results = json.loads((linear / 'results.json').read_text())
    assert {f'acc/{stream}_top1' for stream in STREAMS} | {'acc/top1'} <= set(results)
    assert results['acc/top1'] == results['acc/joint_top1']


def test_linear_checkpoint_is_tested_without_the_pre_trained_one(
    linear, make_runner, tiny_linear_options, tmp_path
):
    options = tiny_linear_options | {'load_from': str(linear / 'epoch_2.pth')}
    metrics = make_runner(LINEAR_CONFIG, tmp_path, options).test()
    results = json.loads((linear / 'results.json').read_text())
    assert metrics['acc/3s_top1'] == pytest.approx(results['acc/3s_top1']['last'])


def test_encoder_that_moves_stops_linear_evaluation(
    pretrained, make_runner, tiny_linear_options, tmp_path
):
    options = tiny_linear_options | {'model.pretrained': str(pretrained / 'epoch_2.pth')}
    runner = make_runner(LINEAR_CONFIG, tmp_path, options)
    # BatchNorm statistics, which requires_grad=False does not freeze.
    norm = runner.model.encoders['motion'].backbone.input_norm
    norm.register_forward_hook(
        lambda module, *_: setattr(module, 'running_mean', module.running_mean + 1)
    )
    with pytest.raises(RuntimeError, match=r'motion\.backbone\.input_norm\.running_mean'):
        runner.train()

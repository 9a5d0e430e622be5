"""Logs of mmengine are read: of training and validation, after a resume, with cut-off lines."""

import json

import pytest

from mmcmd.errors import InputError
from mmcmd.visualization import read_log, read_scalars, scalar_names, training_speed

RECORDS = (
    {'lr': 0.1, 'loss': 4.0, 'time': 1.0, 'epoch': 1, 'iter': 1, 'step': 1},
    {'lr': 0.1, 'loss': 2.0, 'time': 2.0, 'epoch': 1, 'iter': 2, 'step': 2},
    {'lr': 0.1, 'loss': 1.0, 'time': 3.0, 'epoch': 2, 'iter': 3, 'step': 3},
    {'lr': 0.1, 'loss': 0.5, 'time': 4.0, 'epoch': 2, 'iter': 4, 'step': 4},
    {'knn/top1': 0.25, 'time': 90.0, 'step': 2},
)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes the log of one start into the work dir."""

    def write(timestamp, records, tail=''):
        log = tmp_path / timestamp / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(''.join(json.dumps(record) + '\n' for record in records) + tail)
        return log

    return write


def scalars(path, key):
    return [part.tolist() for part in read_scalars(path, key)]


def test_scalars_of_training_and_of_validation_are_over_epochs(write, tmp_path):
    log = write('20240101_000000', RECORDS)
    for path in (tmp_path, log):
        assert scalars(path, 'loss') == [[1, 2], [3.0, 0.75]]
        assert scalars(path, 'knn/top1') == [[2], [0.25]]


def test_a_resumed_run_goes_on_where_it_was_resumed(write, tmp_path):
    write('20240101_000000', RECORDS)
    again = {'lr': 0.1, 'loss': 0.7, 'epoch': 2, 'iter': 3, 'step': 3}
    more = {'lr': 0.1, 'loss': 0.2, 'epoch': 3, 'iter': 5, 'step': 5}
    write('20240102_000000', [again, {'knn/top1': 0.5, 'step': 2}, more])
    write('20240103_000000', [])  # killed before its first record
    assert scalars(tmp_path, 'loss') == [[1, 2, 3], [3.0, 0.7, 0.2]]
    assert scalars(tmp_path, 'knn/top1') == [[2], [0.5]]


def test_a_run_from_the_start_takes_the_place_of_an_older_one(write, tmp_path):
    write('20240102_000000', RECORDS)
    write('20240101_000000', [{'loss': 9.0, 'epoch': 1, 'step': 1}])
    assert scalars(tmp_path, 'loss') == [[1, 2], [3.0, 0.75]]


@pytest.mark.parametrize('tail', ['{"lr": 0.1, "lo', '{"lr": 0.1}', '3', '\x00\x00'])
def test_a_torn_last_line_is_left_out(tail, write, tmp_path):
    write('20240101_000000', RECORDS, tail)
    assert read_log(tmp_path) == list(RECORDS)


def test_a_torn_line_in_the_middle_is_told(write, tmp_path):
    write('20240101_000000', RECORDS[:1], 'torn\n' + json.dumps(RECORDS[1]))
    with pytest.raises(InputError, match=r'scalars\.json, line 2, is no record'):
        read_log(tmp_path)


def test_scalars_that_were_not_logged_are_none(write, tmp_path):
    assert scalars(tmp_path, 'loss') == [[], []]
    write('20240101_000000', RECORDS)
    assert scalars(tmp_path, 'loss_cmd') == [[], []]
    with pytest.raises(InputError, match='does not exist'):
        read_log(tmp_path / 'nothing')


def test_names_and_speed(write):
    records = read_log(write('20240101_000000', RECORDS))
    assert scalar_names(records) == ['lr', 'loss', 'time', 'knn/top1']
    assert training_speed(records) == {'time': 2.5}, 'validation has a time too'
    assert training_speed(records[4:]) == {}


def test_scalars_of_a_real_run(pretrained):
    results = json.loads((pretrained / 'results.json').read_text())
    for name, entry in results.items():
        epochs, values = read_scalars(pretrained, name)
        assert epochs.tolist() == [1, 2], name
        assert values[-1] == pytest.approx(entry['last']), name
    epochs, values = read_scalars(pretrained, 'loss_joint')
    assert epochs.tolist() == [1, 2]
    assert (values > 0).all()
    assert set(training_speed(read_log(pretrained))) == {'time', 'data_time', 'samples_per_s'}

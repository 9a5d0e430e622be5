"""The progress of a stage is read from the files of its training."""

import json

from mmcmd.reproduction.stages import training_progress


def test_progress_is_the_epoch_in_the_latest_log(tmp_path):
    share = training_progress(tmp_path, 4)
    assert share() == 0
    for timestamp, epoch in (('20240101_000000', 3), ('20240102_000000', 1)):
        log = tmp_path / timestamp / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        records = [{'loss': 1.0, 'epoch': epoch, 'step': 7}, {'knn/top1': 0.5, 'step': 4}]
        log.write_text('\n'.join(map(json.dumps, records)) + '\n')
    assert share() == 1 / 4
    with log.open('a') as file:  # an iteration of epoch 2, and half a line
        file.write(json.dumps({'loss': 1.0, 'epoch': 2, 'step': 8}) + '\n{"loss": 0.5, "epo')
    assert share() == 2 / 4


def test_progress_of_a_real_run_ends_at_1(pretrained):
    assert training_progress(pretrained, 2)() == 1
    assert training_progress(pretrained, 8)() == 1 / 4

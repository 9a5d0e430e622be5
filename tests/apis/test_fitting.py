"""Queue, K and batch size depend on the size of the training set."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.logging import MMLogger

from mmcmd.apis import fit_to_data, init_model, load_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cfg(root, tiny_pickle):
    """Return a function: arguments -> config of CMD on 15 training sequences."""

    def make(**arguments):
        arguments = {'ann_file': tiny_pickle, 'budget': 'small'} | arguments
        return load_config(root / 'configs/cmd/cmd.py', **arguments)

    return make


def sizes(cfg):
    return (
        cfg.train_dataloader.batch_size,
        cfg.model.queue.size,
        cfg.model.distill_head.topk,
    )


def test_sizes_of_a_small_budget_are_at_most_those_of_the_training_set(cfg):
    small = cfg()
    assert sizes(small) == (64, 1024, 512)
    fit_to_data(small)
    assert sizes(small) == (7, 15, 7)
    (note,) = small.notes
    assert note.startswith('fitted to 15 training sequences: batch_size 64 -> 7, queue.size 1024')
    fit_to_data(small)
    assert len(small.notes) == 1


def test_sequences_that_are_held_out_do_not_count(cfg):
    selected = cfg(select=0)
    fit_to_data(selected)
    assert selected.notes[0].startswith('fitted to 11 training sequences')
    assert sizes(selected) == (5, 11, 5)


def test_what_fits_is_left_alone(cfg):
    options = {'train_dataloader.batch_size': 5, 'model.queue.size': 12}
    small = cfg(options=options | {'model.distill_head.topk': 6})
    fit_to_data(small)
    assert sizes(small) == (5, 12, 6)
    assert 'notes' not in small


def test_model_of_a_config_has_the_sizes_of_its_training(cfg):
    small = cfg(options={'model.backbone.hidden_size': 4})
    assert init_model(small).queues['joint'].size == 15
    assert small.model.queue.size == 1024


@pytest.mark.parametrize(
    'arguments', [{'budget': 'paper'}, {'options': {'fit_data': False}}, {'ann_file': 'none.pkl'}]
)
def test_a_config_that_is_not_to_be_fitted_or_has_no_data_yet_is_left_alone(cfg, arguments):
    config = cfg(**arguments)
    before = sizes(config)
    fit_to_data(config)
    assert sizes(config) == before


def test_a_queue_that_is_too_long_is_warned_of(make_runner, tiny_options, tmp_path, monkeypatch):
    options = tiny_options | {'model.queue.size': 16, 'train_cfg.max_epochs': 1}
    warnings = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text, *_: warnings.append(text))
    config = 'cmd/cmd_bigru_ntu60_xsub.py'
    make_runner(config, tmp_path / 'long', options).train()
    assert any('queue of 16 keys is longer than the training set of 15' in x for x in warnings)
    warnings.clear()
    make_runner(config, tmp_path / 'fits', options | {'model.queue.size': 15}).train()
    assert not any('longer than the training set' in x for x in warnings)


@pytest.fixture
def turned(tmp_path, body):
    """Return a function: degrees from the first body to the last -> recipe trained on 12 bodies."""

    def make(degrees, **options):
        annotations = [
            {
                'frame_dir': f'body{index}',
                'label': index % 2,
                'keypoint': body('kinect_v2', angle).repeat(5, axis=1),
                'total_frames': 20,
            }
            for index, angle in enumerate(np.linspace(0, degrees, 12))
        ]
        names = [sample['frame_dir'] for sample in annotations]
        data = {
            'split': {'all_train': names, 'all_val': names[:4]},
            'annotations': annotations,
            'layout': 'kinect_v2',
        }
        path = tmp_path / f'{degrees}.pkl'
        path.write_bytes(pickle.dumps(data))
        cfg = load_config(
            ROOT / 'configs/recipes/small.py', data=str(path), options=options or None
        )
        fit_to_data(cfg)
        return cfg

    return make


def turns(cfg):
    loaders = cfg.train_dataloader, cfg.val_dataloader, cfg.val_cfg.gallery_dataloader
    pipelines = [*(x.dataset.pipeline for x in loaders), cfg.test_pipeline, cfg.finetune_pipeline]
    return {pipeline[0]['turn'] for pipeline in pipelines}


def test_bodies_that_face_all_directions_are_turned(turned):
    cfg = turned(330)
    assert turns(cfg) == {True}
    assert 'people face many directions (agreement 0.0' in cfg.notes[-1]


def test_bodies_that_face_the_sensor_keep_their_direction(turned):
    cfg = turned(90)
    assert turns(cfg) == {False}
    assert not any('direction' in note for note in cfg.notes)


def test_turning_is_not_fitted_where_nothing_is(turned):
    assert turns(turned(330, fit_data=False)) == {False}

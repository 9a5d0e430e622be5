import logging
import os
import pickle
import sys
from copy import deepcopy
from pathlib import Path

os.environ['OMP_NUM_THREADS'] = '1'  # for this process, and for processes that tests start
# Without it, cuBLAS is not deterministic. It must be set before CUDA starts.
os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')

import numpy as np
import pytest
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]


def pytest_configure():
    """Keep what mmengine reads from each config of the repository: tests read each many times."""
    from mmengine.config import Config

    read, kept = Config.fromfile, {}

    def fromfile(filename, **options):
        chosen = [os.environ.get(name, '') for name in ('DATA', 'ENCODER', 'MMCMD_CONFIGS')]
        own_file = any('/' in name or '.' in name for name in chosen[:2])
        if own_file or not Path(filename).resolve().is_relative_to(ROOT / 'configs'):
            return read(filename, **options)
        key = str(filename), *chosen, *options.items()
        if key not in kept:
            kept[key] = read(filename, **options)
        return deepcopy(kept[key])

    Config.fromfile = fromfile


def pytest_runtest_setup(item):
    """Skip tests that are marked `gpu` if there is no GPU."""
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('needs a CUDA GPU')


@pytest.fixture(params=['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def device(request):
    """Return each device in turn."""
    return request.param


@pytest.fixture(scope='session')
def root():
    """Return the folder of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def shared():
    """Return the `shared` folder beside the repository, which holds the authors' numbers."""
    folder = ROOT.parent / 'shared'
    if not (folder / 'golden').is_dir():
        pytest.skip(f'the recorded numbers of the released code are not at {folder}/golden')
    return folder


@pytest.fixture(scope='session')
def tiny_pickle(tmp_path_factory):
    """Return a pickle of 24 sequences of two persons, 4 classes, splits of 15 and 9."""
    rng = np.random.default_rng(0)
    annotations = []
    for index in range(24):
        label, length = index % 4, int(rng.integers(10, 40))
        pose = np.random.default_rng(label).normal(size=(2, 1, 25, 3))
        keypoint = pose + np.cumsum(rng.normal(size=(2, length, 25, 3)), axis=1) * 0.1
        annotations.append(
            {
                'frame_dir': f'sample{index:02d}',
                'label': label,
                'keypoint': keypoint.astype(np.float32),
                'total_frames': length,
            }
        )
    names = [sample['frame_dir'] for sample in annotations]
    data = {
        'split': {'xsub_train': names[:15], 'xsub_val': names[15:]},
        'annotations': annotations,
        'layout': 'ntu',
    }
    path = tmp_path_factory.mktemp('data') / 'tiny.pkl'
    path.write_bytes(pickle.dumps(data, protocol=4))
    return path


@pytest.fixture(scope='session')
def body():
    """Return a function: name of a layout, degrees to the side -> a person (1, 4, V, C)."""
    from standing_body import make_body

    return make_body


@pytest.fixture
def mmcmd_scope():
    """Set the default scope, so that mmengine's functions find mmcmd's components."""
    from mmengine.registry import init_default_scope

    init_default_scope('mmcmd')


@pytest.fixture(scope='session')
def tiny_options(tiny_pickle):
    """Return options (dotted key to value) that make the NTU-60 pre-training config tiny."""
    options = {
        'model.backbone.hidden_size': 4,
        'model.backbone.num_layers': 1,
        'model.neck.in_channels': 8,
        'model.neck.out_channels': 6,
        'model.queue.size': 12,
        'model.distill_head.topk': 5,
        'train_cfg.max_epochs': 2,
        'train_cfg.val_interval': 1,
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.checkpoint.max_keep_ckpts': 5,
        'default_hooks.logger.interval': 1,
        'visualizer.vis_backends': [{'type': 'LocalVisBackend'}],
    }
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options |= loader_options(loader, tiny_pickle)
    for loop in ('val_cfg', 'test_cfg'):
        options |= loader_options(f'{loop}.gallery_dataloader', tiny_pickle)
    return options


def loader_options(name, pickle_file):
    return {
        f'{name}.batch_size': 5,
        f'{name}.num_workers': 0,
        f'{name}.persistent_workers': False,
        f'{name}.dataset.ann_file': str(pickle_file),
        f'{name}.dataset.clip_len': 8,
    }


@pytest.fixture(scope='session')
def tiny_stgcn():
    """Return the config of a tiny ST-GCN with features of size 4."""
    return {
        'type': 'STGCN',
        'base_channels': 4,
        'num_stages': 2,
        'graph_cfg': {'layout': 'nturgb+d', 'mode': 'stgcn_spatial'},
    }


@pytest.fixture(scope='session')
def tiny_stgcn_options(tiny_options, tiny_stgcn):
    """Return `tiny_options` with the tiny ST-GCN as the encoder."""
    kept = {key: x for key, x in tiny_options.items() if not key.startswith('model.backbone')}
    return kept | {'model.backbone': {'_delete_': True, **tiny_stgcn}, 'model.neck.in_channels': 4}


@pytest.fixture(scope='session')
def tiny_linear_options(tiny_options):
    """Return options that make the config of linear evaluation on NTU-60 tiny."""
    dropped = ('model.', 'val_cfg.', 'test_cfg.')
    kept = {key: x for key, x in tiny_options.items() if not key.startswith(dropped)}
    return kept | {
        'model.backbone.hidden_size': 4,
        'model.backbone.num_layers': 1,
        'model.head.in_channels': 8,
        'model.head.num_classes': 4,
    }


@pytest.fixture(scope='session')
def make_runner(root):
    """Return a function: config file, work dir and dotted options -> runner."""
    from mmengine.runner import Runner

    from mmcmd.apis import load_config

    made = []

    def make(config, work_dir, options, pretrained=None):
        cfg = load_config(root / 'configs' / config, options=options, pretrained=pretrained)
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = f'tiny{len(made)}'  # mmengine's global log buffers have this name
        made.append(cfg.experiment_name)
        return Runner.from_cfg(cfg)

    return make


@pytest.fixture(scope='session')
def pretrained(make_runner, tiny_options, tmp_path_factory):
    """Return the work dir of two epochs of pre-training with validation, never interrupted."""
    work_dir = tmp_path_factory.mktemp('pretrained')
    make_runner('cmd/cmd_bigru_ntu60_xsub.py', work_dir, tiny_options).train()
    return work_dir


@pytest.fixture(scope='session')
def kept_signals():
    """Return a context that undoes what a tool does to the signals of its process."""
    import signal
    from contextlib import contextmanager

    from mmcmd.signals import STOP, end_start_up

    @contextmanager
    def keep():
        handlers = {number: signal.getsignal(number) for number in STOP}
        try:
            yield
        finally:
            end_start_up()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    return keep


@pytest.fixture
def told(caplog):
    """Return the records of mmengine's logger; `text` has all lines."""
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, logger.name)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.fixture
def run_tool(root, monkeypatch, capfd, kept_signals):
    """Return a function: run a tool as `python TOOL ARGS` would: exit status, stdout, stderr."""
    import runpy

    from mmengine.logging import MMLogger

    from mmcmd.io import checkpoint

    monkeypatch.setattr(checkpoint, '_trusted', False)
    monkeypatch.delenv('LOCAL_RANK', raising=False)

    def run(tool, *args):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, args)])
        capfd.readouterr()
        MMLogger._instance_dict.clear()  # loggers of other tests write to closed streams
        try:
            with kept_signals():
                runpy.run_path(str(root / 'tools' / tool), run_name='__main__')
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capfd.readouterr()

    yield run
    os.environ.pop('LOCAL_RANK', None)


@pytest.fixture
def tiny_cmd():
    """Return a function: a tiny CMD with other options than the default."""
    from mmcmd.registry import MODELS

    def make(seed=0, **options):
        torch.manual_seed(seed)
        backbone = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1}
        config = {
            'type': 'CMD',
            'backbone': backbone,
            'neck': {'type': 'ProjectionNeck', 'in_channels': 8, 'out_channels': 6},
            'queue': {'type': 'KeyQueue', 'size': 12},
            'distill_head': {'type': 'CMDHead', 'topk': 5},
            'momentum': 0.1,
        }
        return MODELS.build(config | options)

    return make

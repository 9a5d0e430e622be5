import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmcmd.apis import load_config
from mmcmd.io.encoders import describe
from mmcmd.registry import MODELS

TINY = {'hidden_size': 4, 'num_layers': 1}


@pytest.fixture(scope='session')
def make_config(root, tiny_pickle):
    """Return a function: encoder, pipelines, evaluation -> config on the tiny pickle."""

    def make(encoder='bigru', pipelines='cmd', evaluation='knn', clip_len=8, **options):
        cfg = load_config(
            root / f'configs/benchmarks/{evaluation}.py',
            data='ntu60_xsub',
            encoder=encoder,
            ann_file=tiny_pickle,
            options=options,
        )
        steps = Config.fromfile(root / f'configs/_base_/pipelines/{pipelines}.py')
        pipeline = steps.get('test_pipeline') or [*steps.frames, steps.as_clip, steps.pack]
        cfg.test_pipeline, cfg.clip_len = pipeline, clip_len
        dataset = cfg.test_dataloader.dataset
        dataset.update(pipeline=pipeline, clip_len=clip_len, labelled=False)
        cfg.test_dataloader.update(num_workers=0, persistent_workers=False, batch_size=5)
        return cfg

    return make


@pytest.fixture(scope='session')
def save_checkpoint(tmp_path_factory):
    """Return a function: config, seed -> checkpoint of an untrained model with this config."""
    folder = tmp_path_factory.mktemp('checkpoints')

    def save(cfg, seed=0):
        cfg.model.pretrained = 'random' if 'head' in cfg.model else None
        if cfg.model.pretrained is None:
            cfg.model.pop('pretrained')
        torch.manual_seed(seed)
        model = MODELS.build(cfg.model)
        for name, parameter in model.named_parameters():
            if name.startswith('heads.'):  # otherwise the classes would have equal scores
                torch.nn.init.normal_(parameter)
        path = folder / f'{len(list(folder.iterdir()))}.pth'
        torch.save({'state_dict': model.state_dict(), 'meta': describe(model, cfg)}, path)
        return path

    return save


@pytest.fixture(scope='session')
def tiny_bigru():
    """Return options that make the BiGRU tiny."""
    return {f'model.backbone.{key}': value for key, value in TINY.items()}


@pytest.fixture(scope='session')
def encoder_file(make_config, save_checkpoint, tiny_bigru):
    """Return the checkpoint of a tiny encoder of three streams on NTU's joints."""
    return save_checkpoint(make_config(**tiny_bigru))


@pytest.fixture(scope='session')
def classifier_file(make_config, save_checkpoint, tiny_bigru):
    """Return the checkpoint of a classifier of 4 classes on the same encoders."""
    options = tiny_bigru | {'model.head.num_classes': 4}
    return save_checkpoint(make_config(evaluation='linear', **options))


@pytest.fixture(scope='session')
def joints():
    """Return one person of NTU's joints in 20 frames, (T, V, C)."""
    rng = np.random.default_rng(3)
    return (rng.normal(size=(1, 25, 3)) + rng.normal(size=(20, 25, 3)) * 0.1).astype(np.float32)

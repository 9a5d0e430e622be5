"""Time the inferencer to its first feature, and against the model alone and the evaluation loop."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config

from benchmarks.harness import Figure, check_equal, in_turns, ratio
from benchmarks.views import annotate, make_sequences
from mmcmd.apis import build_loader, extract_features, init_model, load_config
from mmcmd.datasets.annotations.reading import save_annotations
from mmcmd.datasets.collate import stack_inputs
from mmcmd.inference import SkeletonEncoderInferencer
from mmcmd.io.encoders import describe
from mmcmd.registry import MODELS

SIZES = {'paper': {}, 'small': {'model.backbone.hidden_size': 128, 'clip_len': 16}}
FIRST = """
import sys
import time
start = time.time()
import numpy as np
from mmcmd.inference import SkeletonEncoderInferencer
SkeletonEncoderInferencer(sys.argv[1], 'cpu')(np.load(sys.argv[2]))
print(time.time() - start, time.process_time())
"""


def make_encoder(budget: str, folder: Path, pickle: Path) -> tuple[Config, Path]:
    """Write the checkpoint of an untrained encoder; return its KNN config and its path."""
    cfg = load_config(
        'configs/benchmarks/knn.py',
        data='ntu60_xsub',
        encoder='bigru',
        ann_file=pickle,
        options={'test_dataloader.dataset.split': None, **SIZES[budget]},
    )
    cfg.test_dataloader.dataset.labelled = False
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    path = folder / f'{budget}.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': describe(model, cfg)}, path)
    return cfg, path


def first_feature(checkpoint: Path, array: Path, rounds: int) -> Figure:
    """Time new interpreters from the import to the feature of one array."""
    walls, cpus = [], []
    for turn in range(rounds + 1):
        command = [sys.executable, '-c', FIRST, checkpoint, array]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        if turn:  # the first round fills the disk cache
            wall, cpu = map(float, done.stdout.split())
            walls.append(wall)
            cpus.append(cpu)
    return Figure(
        'inference',
        'from `import` to the first feature of one array, BiGRU of the paper, 3 streams',
        statistics.median(cpus),
        's',
        '<= 6',
        'CPU time of a new interpreter until then, all threads',
        min(cpus),
        max(cpus),
        note=f'checkpoint of {checkpoint.stat().st_size / 1e6:.0f} MB; wall clock: median '
        f'{statistics.median(walls):.1f} s, least {min(walls):.1f} s',
    )


def one_array(encoder: SkeletonEncoderInferencer, array: np.ndarray, rounds: int) -> Figure:
    """Compare the time of one array with that of the forward pass alone on its clip."""
    sample = encoder.pipeline(0, encoder.recordings(array)[0][0])
    batch = encoder.model.data_preprocessor(stack_inputs([sample]))

    @torch.no_grad()
    def bare() -> dict[str, torch.Tensor]:
        return encoder.model.clip_features(batch['inputs'], batch['data_samples'])

    found = {name: torch.from_numpy(x) for name, x in encoder(array).streams.items()}
    check_equal(found, {name: x[:, 0] for name, x in bare().items()}, 'features', atol=1e-6)
    times = in_turns(rounds, time.process_time, ours=partial(encoder, array), bare=bare)
    size = sum(x.numel() for x in encoder.model.parameters()) / 1e6
    return Figure(
        'inference',
        f'one array after the first, {size:.0f} M parameters',
        **ratio(times, 'ours', under='bare'),
        unit='x its time',
        goal='<= 2',
        against='only the forward pass of the model on the finished clip',
        note='CPU time',
    )


def many(cfg: Config, checkpoint: Path, count: int, workers: int, rounds: int) -> Figure:
    """Compare the time for the recordings of a pickle with the loader and loop of an evaluation."""
    encoder = SkeletonEncoderInferencer(checkpoint, 'cpu', show_progress=False)
    model, pickle = init_model(cfg, checkpoint), cfg.test_dataloader.dataset.ann_file
    loader = cfg.test_dataloader
    loader.update(num_workers=workers, persistent_workers=workers > 0)

    def loop() -> dict[str, torch.Tensor]:
        return extract_features(model, build_loader(cfg))[0]

    found = {name: torch.from_numpy(x) for name, x in encoder(pickle).streams.items()}
    check_equal(found, loop(), 'features', atol=1e-6)
    times = in_turns(rounds, ours=partial(encoder, pickle), loop=loop)
    size = sum(x.numel() for x in model.parameters()) / 1e6
    return Figure(
        'inference',
        f'{count:,} recordings of a pickle, {size:.1f} M parameters',
        **ratio(times, 'loop'),
        goal='>= 0.9',
        against=f'the loader ({workers} workers, batch 64) and `extract_features`',
        note='wall clock',
    )


def run(short: bool) -> Iterator[Figure]:
    """Time the inferencer."""
    rounds, count = (1, 100) if short else (3, 1000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        array = make_sequences(1)[0]
        np.save(folder / 'array.npy', array)
        for budget, number in (('small', count), ('paper', 1)):
            pickle = folder / f'{budget}.pkl'
            annotations = annotate(make_sequences(number), classes=60)
            save_annotations({'split': {}, 'layout': 'ntu', 'annotations': annotations}, pickle)
            cfg, checkpoint = make_encoder(budget, folder, pickle)
            encoder = SkeletonEncoderInferencer(checkpoint, 'cpu', show_progress=False)
            yield one_array(encoder, array, 5 * rounds)
            if budget == 'paper' and not short:
                yield first_feature(checkpoint, folder / 'array.npy', rounds)
            if budget == 'small':  # the configs of this budget have one worker
                yield many(cfg, checkpoint, number, 1, rounds)

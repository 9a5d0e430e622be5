"""Measure a step of every pre-training method, as its config for NTU-60 x-sub describes it."""

import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mmengine.registry import init_default_scope

from benchmarks.gpu.place import Place
from benchmarks.gpu.steps import SPEED, speed
from benchmarks.gpu.table import Case, Row
from benchmarks.methods import TrainStep
from benchmarks.precision import PRECISIONS
from mmcmd.apis import load_config
from mmcmd.config_files import configs_root
from mmcmd.datasets.annotations.official_totals import TOTALS

FORMAT = 'tf32'
HOURS = 'its epochs of NTU-60 (h)'


def measure(place: Place, file: Path) -> tuple[dict, str]:
    """Measure a step with the batch of the config, on one GPU, from batch to updated weights."""
    init_default_scope('mmcmd')
    config = load_config(file, budget='small' if place.short else 'paper')
    batch = 4 if place.short else config.train_dataloader.batch_size
    with PRECISIONS[FORMAT].rounding():
        step = TrainStep(config, batch, place.device)
        step()
        values = place.peak(step)
        seconds = statistics.median(place.in_turns(ours=step)['ours'])
    values |= speed(seconds, batch)
    train = config.train_cfg
    steps = train.get('epoch_steps') or TOTALS['ntu60_xsub'].train // batch
    values[HOURS] = train.max_epochs * steps * seconds / 3600
    return values, f'streams: {", ".join(step.model.streams)}'


def cases(place: Place) -> Iterator[Case]:
    """List the configs of all methods for NTU-60 x-sub; in the short form only the cheapest."""
    folder = 'ascal' if place.short else '*'
    for file in sorted(configs_root().glob(f'{folder}/*_ntu60_xsub.py')):
        case = {'config': file.stem, 'format': FORMAT}
        row = Row('step of each method', case, (*SPEED, HOURS, 'peak (GB)'))
        yield Case(row, partial(measure, place, file))

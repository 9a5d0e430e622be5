"""Measure steps of CMD, of its encoder and of ST-GCN, against plain implementations."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import lru_cache, partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from benchmarks.algorithm_1 import algorithm_1
from benchmarks.cmd_step import CONFIG, check_first_step, set_apart
from benchmarks.encoder import frame_by_frame, train_step
from benchmarks.gpu.place import Place
from benchmarks.gpu.table import Case, Row
from benchmarks.graph_encoder import PlainMoCo, copy_weights
from benchmarks.graphed import graphed_step
from benchmarks.harness import check_close_in_norm
from benchmarks.precision import PRECISIONS, Precision
from benchmarks.step import Rest, Step, our_loss
from mmcmd.apis import load_config
from mmcmd.datasets.annotations.official_totals import TOTALS
from mmcmd.models import CMD, BiGRU
from mmcmd.registry import MODELS
from mmcmd.reproduction.complexity import count_flops, encoder_complexity

FORMS: dict[str, dict[str, Any]] = {
    'default': {},
    'batched': {'kernel': 'batched'},
    'triton': {'kernel': 'triton'},
}
"""Forms of the recurrent encoder that are compared: options of the backbone by name."""
GRAPH = ' in a graph'
"""End of the name of a form that runs the whole step as one CUDA graph."""

EPOCHS = 450
TOL = 1e-3
"""Tolerance of float32 results, relative to norms. The tolerance of losses is a tenth of it."""
SPEED = 'step (ms)', 'sequences/s'
COMPARED = 'times as fast as the loop', '% of the product rate', 'product (TFLOP/s)', 'peak (GB)'
HOURS, REST = f'{EPOCHS} epochs of NTU-60 (h)', '% not encoders'


def speed(step: float, batch: int) -> dict[str, float]:
    """Return the columns that follow from the seconds of a step."""
    return dict(zip(SPEED, (1000 * step, batch / step), strict=True))


def against_product(times: dict[str, list[float]], tflop: float, product: float) -> dict:
    """Compare the rate of our step with the rate of matrix products before and after it.

    Args:
        times (dict[str, list[float]]): Seconds of ``before``, ``ours`` and ``after``, one value a
            round.
        tflop (float): TFLOP of our step.
        product (float): TFLOP of one product.
    """
    rates = [2 * product / (a + b) for a, b in zip(times['before'], times['after'], strict=True)]
    shares = [100 * tflop / x / rate for x, rate in zip(times['ours'], rates, strict=True)]
    values = statistics.median(shares), statistics.median(rates)
    return dict(zip(COMPARED[1:3], values, strict=True))


def median_ratio(times: dict[str, list[float]], over: str, under: str = 'ours') -> float:
    """Return the median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(times[over], times[under], strict=True))


def copied(model: nn.Module, device: str) -> nn.Module:
    """Copy a model. On a GPU, its recurrent weights are made contiguous, which cuDNN needs."""
    copy = deepcopy(model).to(device)
    for module in copy.modules():
        if isinstance(module, nn.RNNBase):
            module.flatten_parameters()
    return copy


@lru_cache(maxsize=1)
def build_cmd(place: Place, form: str) -> tuple[CMD, float]:
    """Build CMD on the host; return it and the TFLOP of its encoders for a step of a sequence."""
    init_default_scope('mmcmd')
    config = Config.fromfile(CONFIG).model
    config.backbone.update(FORMS[form.removesuffix(GRAPH)])
    if place.short:
        config.backbone.hidden_size = 16
        config.queue.size, config.distill_head.topk = 256, 128
    torch.manual_seed(0)
    model = MODELS.build(config)
    # Query forward, key forward, and query backward, which costs as much as two forward passes. A
    # multiply-add counts as two operations.
    macs = 4 * sum(x.flops for x in encoder_complexity(model, (2, frames(place), 25, 3)).values())
    set_apart(model.train())
    return model, 2e-12 * macs


def frames(place: Place) -> int:
    """Return the length of a sequence."""
    return 8 if place.short else 64


def compare(ours: Callable[[], Tensor], plain: Callable[[], Tensor]) -> str:
    """Run both from equal states; return a text with their losses."""
    found, wanted = ours().item(), plain().item()
    return f'losses: ours {found:.4g}, loop {wanted:.4g}'


def measure_cmd(place: Place, form: str, batch: int, precision: Precision) -> tuple[dict, str]:
    """Measure a step of CMD."""
    model, tflop = build_cmd(place, form)
    views = torch.randn(2, batch, 2, frames(place), 25, 3, device=place.device)

    def fresh() -> CMD:
        return deepcopy(model).to(place.device)

    def make(model: CMD, loss: Callable[[CMD, Tensor, Tensor], Tensor]) -> Step:
        return Step(model, lambda model: loss(model, *views), precision)

    note = ''
    if precision == PRECISIONS['float32']:
        first = make(fresh(), our_loss)
        plain = make(copied(model, place.device), algorithm_1)
        note = check_first_step(first, plain, TOL) + '; '
        del first, plain
    ours = make(fresh(), our_loss)
    ours()
    plain = make(copied(ours.model, place.device), algorithm_1)
    product, size = place.product(precision)
    sides = dict(before=product, ours=ours, after=product, loop=plain)
    if form.endswith(GRAPH):
        sides['ours'] = graphed_step(ours.model, views, precision.autocast is torch.bfloat16)
        plain = sides['loop'] = make(copied(ours.model, place.device), algorithm_1)
    else:
        sides['rest'] = Rest(ours, *views)
    note += compare(sides['ours'], plain)
    values = place.peak(sides['ours'])
    times = place.in_turns(**sides)
    step = statistics.median(times['ours'])
    values |= speed(step, batch) | against_product(times, tflop * batch, size)
    values[HOURS] = EPOCHS * (TOTALS['ntu60_xsub'].train // batch) * step / 3600
    values[COMPARED[0]] = median_ratio(times, 'loop')
    if 'rest' in times:
        values[REST] = 100 * median_ratio(times, 'rest')
    return values, note


def measure_encoder(place: Place, form: str, batch: int, precision: Precision) -> tuple[dict, str]:
    """Measure a training step of one encoder."""
    torch.manual_seed(0)
    encoder = BiGRU(hidden_size=16 if place.short else 1024, **FORMS[form]).to(place.device)
    loop = copied(encoder, place.device)
    joints = torch.randn(batch, 2, frames(place), 25, 3, device=place.device)
    target = torch.randn(batch, encoder.out_channels, device=place.device)
    tflop = 3 * 2e-12 * batch * count_flops(encoder, joints[:1])
    ours = partial(train_step, encoder, partial(encoder, joints), target, precision)
    plain = partial(train_step, loop, partial(frame_by_frame, loop, joints), target, precision)
    tol = TOL if precision == PRECISIONS['float32'] else float('inf')
    found = [{name: x.float() for name, x in side().items()} for side in (ours, plain)]
    apart = check_close_in_norm(*found, 'feature or gradient of the encoder', tol)
    values = place.peak(ours)
    product, size = place.product(precision)
    sides = dict(before=product, ours=ours, after=product, loop=plain)
    times = place.in_turns(**sides)
    values |= speed(statistics.median(times['ours']), batch) | against_product(times, tflop, size)
    values[COMPARED[0]] = median_ratio(times, 'loop')
    return values, f'feature and gradients differ by at most {apart:.1g} of their norm'


def measure_graph(place: Place, batch: int, precision: Precision) -> tuple[dict, str]:
    """Measure a pre-training step with ST-GCN."""
    init_default_scope('mmcmd')
    config = load_config('configs/cmd/cmd.py', encoder='stgcn').model
    config.modalities = ('joint',)
    width = config.backbone.base_channels = 4 if place.short else 64
    torch.manual_seed(0)
    model = MODELS.build(config).train().to(place.device)
    set_apart(model)
    moco = PlainMoCo(width, config.queue.size, model.momentum).train().to(place.device)
    copy_weights(model, moco)
    views = torch.randn(2, batch, 2, frames(place), 25, 3, device=place.device)
    plain = Step(moco, lambda model: model.loss(*views), precision)
    ours = Step(model, lambda model: our_loss(model, *views), precision)
    note, values = compare(ours, plain), place.peak(ours)
    times = place.in_turns(ours=ours, loop=plain)
    values |= speed(statistics.median(times['ours']), batch)
    values[COMPARED[0]] = median_ratio(times, 'loop')
    return values, note


def measured_in(function: Callable[..., tuple[dict, str]], *args: Any) -> tuple[dict, str]:
    """Measure with the rounding of a number format. The last argument is its name."""
    with PRECISIONS[args[-1]].rounding():
        return function(*args[:-1], PRECISIONS[args[-1]])


def cmd_cases(place: Place, batches: Sequence[int], forms: Sequence[str]) -> Iterator[Case]:
    """List the steps of CMD. A graph cannot hold the loss scaler of float16."""
    for batch in batches:
        for name in PRECISIONS:
            for form in forms:
                graph = form.endswith(GRAPH)  # its parts cannot be measured
                if graph and name == 'float16':
                    continue
                case = dict(batch=batch, format=name, form=form)
                goals = {} if place.short or graph else {REST: '<= 15'}
                if batch == 64:
                    goals[COMPARED[0]] = '>= 6'
                if batch == 64 and name == 'bfloat16':
                    goals[HOURS] = '<= 4'
                row = Row('CMD step', case, (*SPEED, HOURS, REST, *COMPARED), goals)
                yield Case(row, partial(measured_in, measure_cmd, place, form, batch, name))


def encoder_cases(place: Place, batches: Sequence[int], forms: Sequence[str]) -> Iterator[Case]:
    """List the steps of the recurrent encoder."""
    for batch in batches:
        for name in PRECISIONS:
            for form in forms:
                case = dict(batch=batch, format=name, form=form)
                row = Row('encoder step', case, (*SPEED, *COMPARED))
                yield Case(row, partial(measured_in, measure_encoder, place, form, batch, name))


def graph_cases(place: Place) -> Iterator[Case]:
    """List the steps with ST-GCN. Here the loop is mmaction2's encoder in a plain MoCo."""
    for name in PRECISIONS:
        batch = 4 if place.short else 64
        row = Row('ST-GCN step', dict(batch=batch, format=name), (*SPEED, *COMPARED[::3]))
        yield Case(row, partial(measured_in, measure_graph, place, batch, name))

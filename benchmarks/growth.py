"""Measure how costs grow with the batch, the frames, the queue and the ranks."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, distributed

from benchmarks import topk
from benchmarks.cmd_step import CONFIG
from benchmarks.harness import Figure, Growth, check_equal, in_turns, seconds
from benchmarks.memory import peak_of
from benchmarks.step import Step, our_loss
from mmcmd.models import CMDHead, KeyQueue, MoCoHead
from mmcmd.registry import MODELS

MODALITIES = 'joint', 'motion', 'bone'
FRESH = multiprocessing.get_context('forkserver')
FRESH.set_forkserver_preload([__name__])  # new processes have all imports, but no results
PAIRS = tuple(permutations(MODALITIES, 2))


def least(rounds: int, *functions: Callable[[], Any]) -> list[float]:
    """Time functions in turns, and return the shortest time of each in seconds."""
    times = in_turns(rounds, **{str(i): function for i, function in enumerate(functions)})
    return [min(x) for x in times.values()]


def steps(short: bool) -> Iterator[Growth]:
    """Time whole CMD steps with an encoder of fewer units."""
    init_default_scope('mmcmd')
    config = Config.fromfile(CONFIG).model
    config.backbone.hidden_size = hidden = 32 if short else 256
    if short:
        config.queue.size, config.distill_head.topk = 1024, 512
    model = MODELS.build(config).train()
    sizes = (2, 4, 8) if short else (16, 32, 64)
    for driver in ('batch', 'frames'):
        functions = []
        for size in sizes:
            batch, frames = (size, sizes[-1]) if driver == 'batch' else (sizes[0], size)
            views = torch.randn(2, batch, 2, frames, 25, 3)
            functions.append(Step(model, lambda model, views=views: our_loss(model, *views)))
        yield Growth(
            'CMD step (s)',
            driver,
            sizes,
            least(1 if short else 2, *functions),
            f'hidden {hidden} x 3 (the config has 1024), queue {config.queue.size}, '
            + (f'{sizes[-1]} frames' if driver == 'batch' else f'batch {sizes[0]}'),
        )


class Heads:
    """The parts of a CMD step without the encoders: similarities, losses, gradients, queues.

    Args:
        queue_size (int): Number Q of keys in a queue.
        k (int): Number K of neighbours.
    """

    def __init__(self, queue_size: int, k: int) -> None:
        self.queues = {name: KeyQueue(size=queue_size) for name in MODALITIES}
        self.head = MoCoHead()
        self.distill_head = CMDHead(k)
        queries, keys = F.normalize(torch.randn(2, 3, 64, 128), dim=-1)
        self.queries = dict(zip(MODALITIES, queries, strict=True))
        self.keys = dict(zip(MODALITIES, keys, strict=True))

    def __call__(self) -> None:
        """Run a step."""
        students, teachers, loss = {}, {}, 0
        for name, queue in self.queues.items():
            query = self.queries[name].detach().requires_grad_()
            teachers[name] = queue.similarities(self.keys[name])
            students[name] = queue.similarities(query)
            loss = loss + self.head(query, self.keys[name], students[name])[0]
        (loss + self.distill_head(teachers, students, PAIRS)).backward()
        for name, queue in self.queues.items():
            queue.enqueue(self.keys[name])

    def neighbours(self) -> Callable[[], Any]:
        """Return a function that only searches the neighbours of one modality."""
        found = self.queues['joint'].similarities(self.keys['joint'])
        return partial(found.topk, self.distill_head.topk, dim=1, sorted=False)


def peak_of_heads(queue_size: int, k: int) -> float:
    """Return the extra peak memory of a step of the heads in MB, in a new process on Linux."""
    torch.set_num_threads(1)
    return peak_of(Heads(queue_size, k))[0]


def queues(short: bool) -> Iterator[Growth | Figure]:
    """Measure costs at growing sizes of the queue."""
    sizes, k = ((1024, 4096, 16384), 512) if short else ((16384, 131072, 1048576), 8192)
    whole, alone, peaks, held = [], [], [], []
    for size in sizes:
        with FRESH.Pool(1) as pool:
            peaks.append(pool.apply(peak_of_heads, (size, k)))
        step = Heads(size, k)
        held.append(sum(queue.queue.nbytes for queue in step.queues.values()) / 1e6)
        both = least(1 if short else 2, step, step.neighbours())
        whole.append(both[0]), alone.append(both[1])
    shares = [300 * a / b for a, b in zip(alone, whole, strict=True)]
    case = f'3 modalities, batch 64, K {k}'
    yield Growth('heads, forward, backward and enqueue (s)', 'queue', sizes, whole, case)
    yield Growth('top-k of one modality (s)', 'queue', sizes, alone, f'batch 64, K {k}')
    yield Growth('top-k of 3 modalities, share of the heads (%)', 'queue', sizes, shares, case)
    yield Growth('queues (MB)', 'queue', sizes, held, '3 of 128 x Q float32')
    yield Growth(
        'extra peak memory of a step of the heads (MB)',
        'queue',
        sizes,
        peaks,
        f'resident memory, one thread; {case}',
    )
    for size in sizes[1:]:
        yield from topk.figures(size, k, 1 if short else 5)


def draw_keys(rank: int) -> Tensor:
    """Return the keys of one rank for all modalities, (3, 64, 128)."""
    generator = torch.Generator().manual_seed(rank)
    return F.normalize(torch.randn(3, 64, 128, generator=generator), dim=-1)


def rank_main(rank: int, ranks: int, queue_size: int, rounds: int, folder: str) -> None:
    """Run one rank: join the group and enqueue. Rank 0 writes the times and the queues."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/join', rank=rank, world_size=ranks
    )
    queues, keys = [KeyQueue(size=queue_size) for _ in MODALITIES], draw_keys(rank)

    def enqueue() -> None:
        for queue, key in zip(queues, keys, strict=True):
            queue.enqueue(key)

    enqueue()
    first = [queue.queue[:, : 64 * ranks].clone() for queue in queues]
    times = []
    for _ in range(rounds):
        distributed.barrier()
        times.append(seconds(enqueue))
    if rank == 0:
        torch.save(dict(times=times, first=first), f'{folder}/noted.pt')
    distributed.destroy_process_group()


def exchange(short: bool) -> Iterator[Growth]:
    """Measure costs at growing numbers of ranks, which are processes of this machine."""
    sizes = (1, 2) if short else (1, 2, 4)
    times = []
    for ranks in sizes:
        with tempfile.TemporaryDirectory() as folder:
            options = ranks, 1024 if short else 16384, 5 if short else 50, folder
            started = [FRESH.Process(target=rank_main, args=(i, *options)) for i in range(ranks)]
            for process in started:
                process.start()
            for process in started:
                process.join()
            if any(process.exitcode for process in started):
                raise RuntimeError(f'one of {ranks} ranks failed')
            noted = torch.load(f'{folder}/noted.pt')
        wanted = torch.cat([draw_keys(rank) for rank in range(ranks)], dim=1)
        for queue, keys in zip(noted['first'], wanted, strict=True):
            check_equal(queue, keys.T, f'queue of {ranks} ranks')
        times.append(min(noted['times']))
    received = draw_keys(0).nbytes
    yield Growth(
        'gather the keys and enqueue (s)',
        'ranks',
        sizes,
        times,
        f'3 modalities, batch 64 a rank, gloo; in a step, a rank receives {received / 1024:.0f} '
        f'KiB of keys from each other rank; the ranks share {os.cpu_count()} cores, so this is the '
        'cost of the exchange, not a speed-up',
    )


def run(short: bool) -> Iterator[Growth | Figure]:
    """Change one quantity at a time, and keep the others constant."""
    torch.manual_seed(0)
    yield from steps(short)
    yield from queues(short)
    yield from exchange(short)

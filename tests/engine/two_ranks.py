"""One process of `test_two_ranks.py`: python two_ranks.py RANK WORLD_SIZE FOLDER."""

import sys
from pathlib import Path

import torch
import torch.distributed
import torch.nn.functional as F
from mmengine.model import MMDistributedDataParallel

from mmcmd.evaluation import KNNMetric
from mmcmd.registry import MODELS

STEPS, BATCH, QUEUE = 20, 6, 25
GALLERY, QUERIES = 7, 5


def random(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pretrain(rank, world_size):
    """Train 20 steps on this rank's share of each batch; return queues, weights and losses."""
    torch.manual_seed(0)
    model = MODELS.build(
        {
            'type': 'CMD',
            'backbone': {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1},
            'neck': {'type': 'ProjectionNeck', 'in_channels': 8, 'out_channels': 6},
            'head': {'type': 'MoCoHead', 'feat_dim': 6, 'queue_size': QUEUE},
            'distill_head': {'type': 'CMDHead', 'topk': 5},
            'momentum': 0.1,
        }
    ).eval()  # so that BatchNorm, which sees a rank's share alone, has no part in it
    wrapped = MMDistributedDataParallel(model) if world_size > 1 else model
    optimizer = torch.optim.SGD(model.query_encoders.parameters(), lr=0.01, momentum=0.9)
    queues = []
    for step in range(STEPS):
        batch = random(BATCH, 2, 2, 6, 25, 3, seed=step).chunk(world_size)[rank]
        losses = wrapped(batch, mode='loss')
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        optimizer.step()
        queues.append(torch.stack([head.queue.clone() for head in model.heads.values()]))
    weights = {name: x for name, x in model.state_dict().items() if 'encoders' in name}
    pointers = [head.queue_ptr.item() for head in model.heads.values()]
    return {'queues': torch.stack(queues), 'weights': weights, 'pointers': pointers}


def evaluate(rank, world_size):
    """Return the accuracy of nearest neighbours, of numbers that the ranks cannot share evenly."""
    metric = KNNMetric()

    def process(count, seed):
        feats = F.normalize(random(count, 4, seed=seed), dim=1)
        labels = torch.randint(3, (count,), generator=torch.Generator().manual_seed(seed))
        # As mmengine's sampler: ranks take turns, and the last ones start again from the first.
        padded = -(-count // world_size) * world_size
        for index in [i % count for i in range(padded)][rank::world_size]:
            sample = {'feats': {'joint': feats[index]}, 'gt_labels': {'item': labels[index, None]}}
            metric.process({}, [sample])
        return count

    metric.keep_as_gallery(process(GALLERY, seed=1))
    size = None if metric.gallery is None else len(metric.gallery)
    return {'metrics': metric.evaluate(process(QUERIES, seed=2)), 'gallery': size}


def main():
    rank, world_size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    if world_size > 1:
        torch.distributed.init_process_group(
            'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=world_size
        )
    results = pretrain(rank, world_size) | evaluate(rank, world_size)
    torch.save(results, folder / f'{rank}_of_{world_size}.pth')


if __name__ == '__main__':
    main()

"""One process of `test_two_ranks.py`: python two_ranks.py RANK WORLD_SIZE FOLDER."""

import sys
from pathlib import Path

import torch
import torch.distributed
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from mmengine.dataset import pseudo_collate
from mmengine.model import MMDistributedDataParallel
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmcmd.engine.feature_cache import cache_features
from mmcmd.evaluation import KNNMetric
from mmcmd.registry import MODELS
from mmcmd.structures import get_labels

STEPS, BATCH, QUEUE = 20, 6, 25
GALLERY, QUERIES = 7, 5


def random(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class AllMean(torch.autograd.Function):
    """Mean over the ranks, with a gradient."""

    @staticmethod
    def forward(ctx, x):
        x = x.clone()
        torch.distributed.all_reduce(x)
        return x / torch.distributed.get_world_size()

    backward = forward


class SyncedNorm(nn.BatchNorm1d):
    """BatchNorm over the batches of all ranks; torch's SyncBatchNorm refuses the CPU."""

    def forward(self, x):
        dims = [dim for dim in range(x.dim()) if dim != 1]
        shape = [-1 if dim == 1 else 1 for dim in range(x.dim())]
        mean = AllMean.apply(x.mean(dims)).view(shape)
        variance = AllMean.apply(((x - mean) ** 2).mean(dims)).view(shape)
        x = (x - mean) / (variance + self.eps).sqrt()
        return x * self.weight.view(shape) + self.bias.view(shape)


def synced(module):
    """Replace the BatchNorm layers of a module; return how many there were."""
    found = [(parent, name) for parent in module.modules() for name, _ in parent.named_children()]
    found = [x for x in found if isinstance(getattr(*x), nn.BatchNorm1d)]
    for parent, name in found:
        layer = getattr(parent, name)
        norm = SyncedNorm(layer.num_features).requires_grad_(layer.weight.requires_grad)
        setattr(parent, name, norm)
    return len(found)


def pretrain(rank, world_size, norm):
    """Train 20 steps on this rank's share of each batch, in double precision.

    Args:
        norm (str): 'eval' uses running statistics in BatchNorm, 'synced' the batch of all ranks.

    Returns:
        dict: After each step the queues, this rank's losses and the gradients; the weights.
    """
    torch.manual_seed(0)
    model = MODELS.build(
        {
            'type': 'CMD',
            'backbone': {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1},
            'neck': {'type': 'ProjectionNeck', 'in_channels': 8, 'out_channels': 6},
            'queue': {'type': 'KeyQueue', 'size': QUEUE},
            'distill_head': {'type': 'CMDHead', 'topk': 5},
            'momentum': 0.1,
        }
    )
    if norm == 'eval':
        model.eval()
    elif world_size > 1:
        assert synced(model) == 6, 'three encoder pairs'
    wrapped = MMDistributedDataParallel(model) if world_size > 1 else model
    parameters = {name: x for name, x in model.named_parameters() if x.requires_grad}
    optimizer = torch.optim.SGD(parameters.values(), lr=0.01, momentum=0.9)
    queues, history, gradients = [], [], []
    for step in range(STEPS):
        batch = random(BATCH, 2, 2, 6, 25, 3, seed=step).chunk(world_size)[rank]
        losses = wrapped(batch, mode='loss')
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        history.append({k: v.detach() for k, v in losses.items() if not k.startswith('std')})
        gradients.append({name: x.grad.clone() for name, x in parameters.items()})
        optimizer.step()
        queues.append(torch.stack([queue.queue.clone() for queue in model.queues.values()]))
    return {
        'queues': torch.stack(queues),
        'losses': {name: torch.stack([x[name] for x in history]) for name in history[0]},
        'gradients': {name: torch.stack([x[name] for x in gradients]) for name in parameters},
        'weights': {name: x.detach() for name, x in model.named_parameters()},
        'pointers': [queue.queue_ptr.item() for queue in model.queues.values()],
    }


def evaluate(rank, world_size):
    """Return the accuracy of nearest neighbours; the ranks cannot divide the samples evenly."""
    metric = KNNMetric()

    def process(count, seed):
        feats = F.normalize(random(count, 4, seed=seed), dim=1)
        labels = torch.randint(3, (count,), generator=torch.Generator().manual_seed(seed))
        # Like mmengine's sampler: ranks take samples in turns, and the first samples fill the end.
        padded = -(-count // world_size) * world_size
        for index in [i % count for i in range(padded)][rank::world_size]:
            sample = {'feats': {'joint': feats[index]}, 'gt_labels': {'item': labels[index, None]}}
            metric.process({}, [sample])
        return count

    metric.keep_as_gallery(process(GALLERY, seed=1))
    size = None if metric.gallery is None else len(metric.gallery[1])
    return {'metrics': metric.evaluate(process(QUERIES, seed=2)), 'gallery': size}


class Crops(Dataset):
    """Sequences with coordinates that depend on the key, and their number as the label."""

    def __len__(self):
        return GALLERY

    def __getitem__(self, key):
        _, epoch, index = key
        inputs = random(1, 2, 6, 25, 3, seed=100 * epoch + index)
        return {'inputs': inputs, 'data_samples': ActionDataSample().set_gt_labels(index)}


def encode():
    """Return the cached features of two crops of each sequence, and their labels."""
    torch.manual_seed(0)
    backbone = {'type': 'BiGRU', 'hidden_size': 4, 'num_layers': 1}
    head = {'type': 'LinearHead', 'num_classes': 4}
    model = MODELS.build({'type': 'SkeletonClassifier', 'backbone': backbone, 'head': head})
    loader = DataLoader(Crops(), batch_size=3, collate_fn=pseudo_collate)
    features = cache_features(model, loader, num_crops=2).dataset
    return {'feats': features.feats, 'labels': get_labels(features.samples, torch.device('cpu'))}


def main():
    rank, world_size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    if world_size > 1:
        torch.distributed.init_process_group(
            'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=world_size
        )
    results = evaluate(rank, world_size) | encode()
    torch.set_default_dtype(torch.double)
    results |= {norm: pretrain(rank, world_size, norm) for norm in ('eval', 'synced')}
    torch.save(results, folder / f'{rank}_of_{world_size}.pth')


if __name__ == '__main__':
    main()

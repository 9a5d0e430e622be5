"""Two ranks with half of a batch each get the same gradients as one process with all of it."""

import runpy
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch.nn.parallel import DistributedDataParallel

from mmcmd.models.gather import gather_with_gradient

EXAMPLE = Path(__file__).parents[2] / 'examples/simclr/simclr_model.py'


def learn(rank, world_size, folder):
    """Save loss, accuracy and gradient of a rank's share of a batch."""
    # Only in the child process, because a registry refuses a second class with the same name.
    nt_xent = runpy.run_path(str(EXAMPLE))['nt_xent']
    torch.manual_seed(0)
    model = layer = torch.nn.Linear(5, 3).double()
    if world_size > 1:
        rendezvous = f'file://{folder}/rendezvous'
        dist.init_process_group('gloo', rendezvous, rank=rank, world_size=world_size)
        model = DistributedDataParallel(layer)
    batch = torch.randn(8, 5, dtype=torch.double).chunk(world_size)[rank]
    loss, accuracy = nt_xent(torch.nn.functional.normalize(model(batch), dim=1), 0.5)
    loss.backward()
    found = {'loss': loss.detach(), 'accuracy': accuracy, 'gradient': layer.weight.grad}
    torch.save(found, folder / f'{rank}_of_{world_size}.pth')


def test_one_process_gathers_its_own():
    embeddings = torch.randn(3, 2)
    assert gather_with_gradient(embeddings) is embeddings


def test_loss_and_gradient_of_two_ranks_are_those_of_one(tmp_path):
    jobs = [(0, 2), (1, 2), (0, 1)]
    fork = torch.multiprocessing.get_context('fork')
    processes = [fork.Process(target=learn, args=(*job, tmp_path)) for job in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    first, second, alone = (
        torch.load(tmp_path / f'{rank}_of_{size}.pth', weights_only=True) for rank, size in jobs
    )
    torch.testing.assert_close((first['loss'] + second['loss']) / 2, alone['loss'])
    torch.testing.assert_close((first['accuracy'] + second['accuracy']) / 2, alone['accuracy'])
    assert alone['gradient'].abs().max() > 0.01
    for rank in (first, second):
        torch.testing.assert_close(rank['gradient'], alone['gradient'])

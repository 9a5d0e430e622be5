"""Two processes are one: what they learn, keep in their queues and count."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name('two_ranks.py')


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """Return what rank 0 and rank 1 of two, and rank 0 of one, have saved."""
    folder = tmp_path_factory.mktemp('ranks')
    jobs = [(0, 2), (1, 2), (0, 1)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(world_size), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank, world_size in jobs
    ]
    try:
        for process in processes:
            output, _ = process.communicate(timeout=120)
            assert process.returncode == 0, output
    finally:
        for process in processes:
            process.kill()
    return [
        torch.load(folder / f'{rank}_of_{world_size}.pth', weights_only=True)
        for rank, world_size in jobs
    ]


def test_queues_of_all_ranks_are_identical_after_every_step(results):
    first, second, _ = results
    assert torch.equal(first['queues'], second['queues'])
    assert first['pointers'] == second['pointers'] == [20 * 6 % 25] * 3


def test_two_ranks_learn_what_one_does(results):
    first, second, alone = results
    torch.testing.assert_close(first['queues'], alone['queues'], rtol=0, atol=1e-6)
    assert alone['pointers'] == first['pointers']
    for name, value in alone['weights'].items():
        assert torch.equal(first['weights'][name], second['weights'][name]), name
        torch.testing.assert_close(first['weights'][name], value, rtol=0, atol=1e-6, msg=name)


def test_nearest_neighbours_count_no_sample_twice(results):
    first, second, alone = results
    assert first['gallery'] == alone['gallery'] == 7
    assert second['gallery'] is None
    assert first['metrics'] == second['metrics'] == alone['metrics']
    assert 0 < alone['metrics']['knn/top1'] < 1

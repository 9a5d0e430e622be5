import torch
from mmengine.dist import get_world_size
from torch import Tensor
from torch.distributed.nn.functional import all_gather


def gather_with_gradient(embeddings: Tensor) -> Tensor:
    """Concatenate the embeddings of all ranks, in the order of the ranks, with gradient.

    ``mmengine.dist.all_gather`` stops the gradient. This function sends the gradient of each
    embedding back to its rank. If each rank computes the mean loss of its own samples, the average
    of the gradients by DDP equals the gradient of one process with the global batch.

    Args:
        embeddings (Tensor): Embeddings of this rank, shape (N, D). N must be the same on all ranks.

    Returns:
        Tensor: Shape (ranks * N, D). With one process, the input itself.
    """
    if get_world_size() == 1:
        return embeddings
    return torch.cat(all_gather(embeddings))

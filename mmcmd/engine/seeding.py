"""Seeds that are functions of where a training is."""

import random

import numpy as np
import torch


def derive_seed(*key: int) -> int:
    """Return a seed that is a function of ``key``."""
    return int(np.random.SeedSequence(key).generate_state(1)[0])


def seed_generators(*key: int) -> None:
    """Seed the global generators of Python, numpy and torch with a function of ``key``."""
    seed = derive_seed(*key)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (the global one is meant)
    torch.manual_seed(seed)

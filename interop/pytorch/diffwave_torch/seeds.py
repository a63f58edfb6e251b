"""Random numbers that depend on seeds alone."""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds PyTorch's generator, for initial weights, and leaves it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def white_noise(seeds: Sequence[int], samples: int, device: torch.device) -> Tensor:
    """Draws standard normal noise, one clip per seed: [B, samples]."""
    generator = torch.Generator(device)
    return torch.stack([torch.randn(samples, generator=generator.manual_seed(seed), device=device) for seed in seeds])

"""Learning rate, Adam and the average of the weights. Mirrors src/training/config.ts and src/training/optimiser."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def learning_rate(optimiser: dict[str, Any], step: int) -> float:
    """Computes the learning rate of update `step`, counted from 0: a linear warm-up, then half a cosine down to
    `finalFactor` over the last `decaySteps` updates.

    Without `decaySteps`, the cosine covers all updates after the warm-up. With it, the rate is constant in between, for
    as long as one likes.
    """
    warmup, total, rate, final = (
        optimiser[key] for key in ("warmupSteps", "totalSteps", "learningRate", "finalFactor")
    )
    if step < warmup:
        return rate * (step + 1) / warmup
    decay = optimiser["decaySteps"] if optimiser["decaySteps"] is not None else max(1, total - warmup)
    return rate * half_cosine((total - step) / decay, final)


def half_cosine(left: float, final: float) -> float:
    """Computes a factor that falls from 1 to `final` by half a cosine, as `left` falls from 1 to 0."""
    return final + (1 - final) * (1 - math.cos(math.pi * min(1, max(0, left)))) / 2


def adam(
    parameters: Iterable[Tensor], rate: float, betas: tuple[float, float], epsilon: float = 1e-8
) -> torch.optim.Adam:
    """Makes Adam (Kingma & Ba 2015) without weight decay, as one kernel where this PyTorch has it: on GPUs from 2.0 on,
    on CPUs from 2.4 on."""
    parameters = list(parameters)
    try:
        return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=epsilon, fused=True)
    except RuntimeError:
        return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=epsilon)


@torch.no_grad()
def update_average(average: list[Tensor], parameters: list[Tensor], decay: float, n: int) -> None:
    """average ← d·average + (1 − d)·weights with d = min(decay, (1 + n)/(10 + n)), n updates having been averaged
    before."""
    torch._foreach_lerp_(average, parameters, 1 - min(decay, (1 + n) / (10 + n)))

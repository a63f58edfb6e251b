"""Learning rate, Adam and the average of the weights. Mirrors src/training/config.ts and src/training/optimiser."""

import math

import torch


def learning_rate(optimiser, step):
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
    share = min(1, max(0, (step - (total - decay)) / decay))
    return rate * (final + (1 - final) * (1 + math.cos(math.pi * share)) / 2)


def adam(parameters, optimiser):
    """Adam (Kingma & Ba 2015) without weight decay."""
    betas = (optimiser["beta1"], optimiser["beta2"])
    return torch.optim.Adam(parameters, lr=optimiser["learningRate"], betas=betas, eps=optimiser["epsilon"], fused=True)


@torch.no_grad()
def update_average(average, parameters, decay, n):
    """average ← d·average + (1 − d)·weights with d = min(decay, (1 + n)/(10 + n)), n updates having been averaged
    before."""
    torch._foreach_lerp_(average, parameters, 1 - min(decay, (1 + n) / (10 + n)))

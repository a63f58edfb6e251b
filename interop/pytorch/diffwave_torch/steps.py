"""What a network is told of its diffusion step. Mirrors src/model/step-embedding.ts and src/model/output-gain.ts."""

import math
from typing import Any

import torch
from torch import Tensor


def step_sinusoids(steps: Tensor, embedding: dict[str, Any]) -> Tensor:
    """Computes the sines, then the cosines, of t·f_i of steps t [B]: [B, size]. If `fractional` is `interpolated`, only
    whole steps are allowed.

    @param embedding: the network's `stepEmbedding`
    """
    half = embedding["size"] // 2
    i = torch.arange(half, device=steps.device, dtype=torch.float32)
    if embedding["frequencies"] == "inverse":
        # Vaswani et al. 2017, section 3.5.
        factors = torch.exp(i * -(math.log(1e4) / (half - 1)))
    else:
        # Kong et al. 2021, section 3.1.
        factors = 10 ** (i * 4 / (half - 1))
    angle = steps[:, None].float() * factors
    return torch.cat([angle.sin(), angle.cos()], 1)


def output_gain(steps: Tensor, count: int) -> Tensor:
    """Computes g(t) = sin(π/2 · (t + 1)/(T + 1)) of steps t [B] of T: about the deviation of the noise."""
    return torch.sin(math.pi / 2 * ((steps + 1) / (count + 1)).clamp(max=1))

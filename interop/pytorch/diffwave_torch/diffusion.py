"""The noise schedule, the forward process, and DDIM. Mirrors src/diffusion."""

import math
from collections.abc import Sequence
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from .fields import require
from .network import Network
from .prior import Prior
from .steps import step_sinusoids

# The network, or what averages its gradients over processes.
Denoiser = Network | DistributedDataParallel


class Schedule:
    """A cosine schedule (Nichol & Dhariwal 2021, eq. 17): √alphaBar of T steps."""

    def __init__(self, config: dict[str, Any], device: torch.device | str = "cpu"):
        """@param config: the model's `diffusion.training` @raises ConfigError if it is of another kind"""
        message = f"{config['kind']} is not supported here; expected cosine"
        require(config["kind"] == "cosine", "diffusion.training.kind", message)
        self.steps, offset = config["steps"], config.get("offset", 0.008)
        t = torch.arange(self.steps + 1, dtype=torch.float64) / self.steps
        level = torch.cos((t + offset) / (1 + offset) * math.pi / 2).square()
        betas = (1 - level[1:] / level[:-1]).clamp(max=config.get("maxBeta", 0.999))
        self.roots = torch.cumprod(1 - betas, 0).sqrt().float().to(device)

    def alpha_bar(self, steps: Tensor) -> Tensor:
        """Computes alphaBar at steps 0 to T − 1, which may be fractional. √alphaBar is linear between whole steps
        (src/diffusion/forward.ts)."""
        below = steps.long().clamp(0, self.steps - 1)
        above = (below + 1).clamp(max=self.steps - 1)
        root = self.roots[below]
        return (root + (steps - below) * (self.roots[above] - root)).square()


def diffuse(clean: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Computes x_t = √alphaBar·x_0 + √(1 − alphaBar)·ε (Ho et al. 2020, eq. 4) of audio [B, T], with alphaBar [B]."""
    alpha_bar = alpha_bar[:, None]
    return alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise


def predict_clean(network: Denoiser, noisy: Tensor, steps: Tensor, mel: Tensor, deviations: Tensor) -> Tensor:
    """Computes the network's x̂_0 [B, T] from x_t [B, T] at steps [B], with log-mels [B, M, F] and their envelopes
    [B, N, P]."""
    own: Network = network.module if isinstance(network, DistributedDataParallel) else network
    sinusoids = step_sinusoids(steps, own.config["stepEmbedding"])
    return network(noisy, sinusoids, mel, deviations=deviations, gain=own.gain(steps))


def even_levels(schedule: Schedule, count: int) -> list[float]:
    """Returns `count` evenly spaced steps, starting with the noisiest."""
    return [(schedule.steps - 1) * (1 - i / count) for i in range(count)]


def sampling_levels(diffusion: dict[str, Any], schedule: Schedule, count: int) -> tuple[list[float], float]:
    """Returns the steps to visit, starting with the noisiest, and the noise scale. They are the model's own for that
    number of steps if it has them; else the steps are evenly spaced.

    @param diffusion: the model's `diffusion`
    """
    own, scale = diffusion.get("sampling", {}).get(str(count)), diffusion.get("noiseScale", 1)
    if own is None:
        return even_levels(schedule, count), scale
    betas, scale = (own["betas"], own.get("noiseScale", scale)) if isinstance(own, dict) else (own, scale)
    roots = numpy.sqrt(numpy.cumprod(1 - numpy.array(betas)))
    # √alphaBar falls with the step, and is linear between whole steps.
    trained = schedule.roots.cpu().double().numpy()
    return numpy.interp(-roots, -trained, numpy.arange(schedule.steps))[::-1].tolist(), scale


def next_noisy(schedule: Schedule, x: Tensor, clean: Tensor, here: float, below: float, noise_scale: float) -> Tensor:
    """Computes DDIM's x at step `below` from x and x̂_0 at step `here` [B, T] (Song et al. 2021, eq. 12, η = 0). Only
    the share `noise_scale` of the noise is kept."""
    steps = torch.tensor([float(here), float(below)], device=x.device)
    level, next_level = schedule.alpha_bar(steps)
    noise = (x - level.sqrt() * clean) / (1 - level).sqrt()
    return next_level.sqrt() * clean + noise_scale * (1 - next_level).sqrt() * noise


def denoise(
    network: Denoiser,
    schedule: Schedule,
    x: Tensor,
    levels: Sequence[float],
    mel: Tensor,
    deviations: Tensor,
    noise_scale: float = 1.0,
    separate: bool = False,
) -> list[Tensor]:
    """Runs DDIM from x [B, T] at levels[0] through all levels. Returns x̂_0 [B, T] of each step.

    Has gradients; `separate` cuts them between steps.
    """
    made: list[Tensor] = []
    for i, level in enumerate(levels):
        here = torch.full((len(x),), float(level), device=x.device)
        made.append(predict_clean(network, x, here, mel, deviations))
        if i + 1 < len(levels):
            clean = made[-1].detach() if separate else made[-1]
            x = next_noisy(schedule, x, clean, level, levels[i + 1], noise_scale)
    return made


@torch.no_grad()
def synthesize(
    network: Network,
    prior: Prior,
    schedule: Schedule,
    mel: Tensor,
    levels: Sequence[float],
    generator: torch.Generator,
    noise_scale: float = 1.0,
) -> Tensor:
    """Turns log-mels [B, M, F] into audio [B, F·hop], starting from noise of the prior at levels[0]."""
    samples = mel.shape[2] * prior.mel.hop
    deviations = prior.deviations(mel, samples)
    white = torch.randn(len(mel), samples, generator=generator, device=generator.device).to(mel.device)
    noise = prior.noise(white, deviations, prior.excitation_of(mel, samples))
    return denoise(network, schedule, noise, levels, mel, deviations, noise_scale)[-1]

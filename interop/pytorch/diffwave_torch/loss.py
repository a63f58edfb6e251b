"""Computes what training minimises, as a function of x̂_0. Audio is [B, T]; losses are per clip, [B]."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .alignment import HIGHEST, VOICED
from .config import edge
from .stft import magnitude, stft

# Number of bins over which the target's power is averaged: a window of 1,024 samples has 256 such bands.
PAIR = 2
SMALLEST_POWER = 1e-7
LOWEST_WEIGHT, HIGHEST_WEIGHT = 1e-2, 1e2
# Magnitudes below this share of the target's count less in the loss of phases. Power that keeps roots from being 0.
LEAST_SHARE, SMALLEST = 0.1, 1e-12


def below(limits: Tensor, bins: int, rate: int) -> Tensor:
    """Makes a mask [B, N, 1]: 1 for the N bins of a transform that lie below each clip's limit [B] in Hz, else 0."""
    hertz = torch.arange(bins, device=limits.device) * (rate / 2 / (bins - 1))
    return (hertz <= limits[:, None]).float().unsqueeze(2)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Computes the mean [B] over the bins and frames of values [B, N, F] that a mask [B, N, 1] leaves."""
    return (values * mask).sum((1, 2)) / (mask.sum((1, 2)) * values.shape[2]).clamp(min=1)


class TimeFrequencyLoss(torch.nn.Module):
    """The squared error, weighted per time-frequency region by the inverse of the target's magnitude there (Flow2GAN's
    loss): mean of |STFT(x̂_0 − x_0)|² · clamp((|X|² + 1e-7)^−½, 0.01, 100), Hann windows of 1024 every 256 samples,
    unnormalised."""

    window: Tensor

    def __init__(self, rate: int, size: int = 1024):
        super().__init__()
        self.rate = rate
        self.hop = size // 4
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, predicted: Tensor, target: Tensor, limits: Tensor) -> Tensor:
        """x̂_0 and x_0 [B, T], limits in Hz [B] → [B]."""
        # The last bin does not count, since it has no partner for the mean over pairs.
        error = magnitude(predicted - target, self.window, self.hop, smallest=1e-9).square()[:, :-1]
        power = magnitude(target, self.window, self.hop).square()[:, :-1]
        return masked_mean(error * self.weight(power), below(limits, error.shape[1] + 1, self.rate)[:, :-1])

    @staticmethod
    def weight(power: Tensor) -> Tensor:
        """Computes the weight of the error in each region from the target's power [B, N, F]."""
        pairs = F.avg_pool1d(power.transpose(1, 2), PAIR).repeat_interleave(PAIR, 2).transpose(1, 2)
        return (pairs + SMALLEST_POWER).rsqrt().clamp(LOWEST_WEIGHT, HIGHEST_WEIGHT)

    def of_phases(self, predicted: Tensor, target: Tensor, limits: Tensor, counted: Tensor) -> Tensor:
        """Computes the same loss of phases alone. X̂ is the spectrum of x̂_0, with the magnitudes of X, the target's:
        mean of 2·(|X|² − |X|·Re(X̂·X*)/√(|X̂|² + (|X|/10)²)) · weight. Where phases can only be guessed, the squared
        error favours smaller magnitudes. This loss does not.

        @param counted: the frames that count, [B, F], at multiples of `hop`; others are 0 in the mean
        """
        made, wanted = (stft(audio, self.window, self.hop)[:, :-1] for audio in (predicted, target))
        power, product = wanted.abs().square(), (made * wanted.conj()).real
        scale = (torch.view_as_real(made).square().sum(-1) + LEAST_SHARE**2 * power + SMALLEST).sqrt()
        error = 2 * (power - power.sqrt() * product / scale) * self.weight(power) * counted[:, None]
        return masked_mean(error, below(limits, error.shape[1] + 1, self.rate)[:, :-1])


class SpectralLoss(torch.nn.Module):
    """A multi-resolution STFT distance (Yamamoto et al. 2020, eq. 4–6, with absolute differences): mean of |A − B| /
    mean(B) + |ln(A + c) − ln(B + c)|; hop a quarter of a window; c, the magnitude of white noise of deviation 1e-4."""

    OFFSET = 1e-4

    def __init__(self, rate: int, windows: Sequence[int]):
        super().__init__()
        self.rate, self.sizes = rate, windows
        for size in windows:
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)

    def forward(self, predicted: Tensor, target: Tensor, limits: Tensor) -> Tensor:
        """x̂_0 and x_0 [B, T], limits in Hz [B] → [B]."""
        total = torch.zeros_like(limits)
        for size in self.sizes:
            window = getattr(self, f"window{size}")
            c = self.OFFSET * (0.375 * size) ** 0.5
            a, b = magnitude(predicted, window, size // 4, smallest=c / 100), magnitude(target, window, size // 4)
            mask = below(limits, a.shape[1], self.rate)
            linear = masked_mean((a - b).abs(), mask) / (masked_mean(b, mask) + c)
            total = total + linear + masked_mean(((a + c) / (b + c)).log().abs(), mask)
        return total / len(self.sizes)


class Objective(torch.nn.Module):
    """The loss that a `train.json` asks for."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        rate = config["model"]["sampleRate"]
        self.weighting = config["weighting"]
        self.highest, self.stride = (
            config["model"]["mel"]["maxFrequency"],
            config["model"]["network"]["frontEnd"]["stride"],
        )
        self.edge = edge(config)
        self.main = TimeFrequencyLoss(rate)
        spectral = config["spectral"]
        self.weight = spectral["weight"] if spectral else 0
        self.spectral = SpectralLoss(rate, spectral["windows"]) if spectral else None

    def level_weight(self, alpha_bar: Tensor) -> Tensor:
        """Computes the weight of an error of x̂_0: 1, or with `truncated-v` min(SNR + 1, most), the weight that the
        plain loss of v has (Salimans & Ho 2022), or with `min-snr` min(SNR, gamma) (Hang et al. 2023)."""
        if self.weighting["kind"] == "none":
            return torch.ones_like(alpha_bar)
        if self.weighting["kind"] == "truncated-v":
            return (1 / (1 - alpha_bar)).clamp(max=self.weighting["most"])
        return (alpha_bar / (1 - alpha_bar)).clamp(max=self.weighting["gamma"])

    def forward(self, predicted: Tensor, target: Tensor, limits: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the loss of each clip, and its main part: two tensors [B]."""
        predicted, target = self.inner(predicted), self.inner(target)
        main = self.main(predicted, target, limits)
        total = main * self.level_weight(alpha_bar)
        if self.spectral is not None:
            total = total + self.weight * self.spectral(predicted, target, limits)
        return total, main

    def of_own_steps(
        self,
        made: Sequence[Tensor],
        target: Tensor,
        limits: Tensor,
        weights: Sequence[float],
        voicing: Tensor | None = None,
        edges: int = 1,
    ) -> tuple[Tensor, Tensor]:
        """Computes the loss of x̂_0 of all own steps, a list of [B, T], and the distance of the last step, [B] each.

        Only magnitudes are compared, since the network chooses the phases itself. If `voicing` [B, P] is given, steps
        started from pulses at those of the recording. Then phases are compared, too, where they can be known: in voiced
        frames, up to the highest frequency at which pulses are aligned.

        @param edges: how many times the usual edge is left out, as in `inner`
        """
        target, limits = self.inner(target, edges), limits.clamp(max=self.highest)
        made = [self.inner(audio, edges) for audio in made]
        # Configs with own steps have a spectral loss.
        assert self.spectral is not None
        distances = [self.spectral(audio, target, limits) for audio in made]
        total = self.weight * sum(weight * distance for weight, distance in zip(weights, distances))
        if voicing is not None:
            at = (torch.arange(target.shape[1] // self.main.hop + 1) * self.main.hop + edges * self.edge) // self.stride
            voiced = voicing[:, at.clamp(max=voicing.shape[1] - 1)] > VOICED
            aligned = limits.clamp(max=HIGHEST)
            errors = [self.main.of_phases(audio, target, aligned, voiced) for audio in made]
            total = total + sum(weight * error for weight, error in zip(weights, errors))
        return total, distances[-1]

    def inner(self, audio: Tensor, edges: int = 1) -> Tensor:
        """Cuts the edges of a crop off its audio."""
        return audio[:, edges * self.edge : audio.shape[1] - edges * self.edge]

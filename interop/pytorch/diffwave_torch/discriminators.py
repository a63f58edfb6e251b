"""Networks that tell recordings from generated audio: one discriminator per STFT resolution and one per period. Their
input should have a power of about 1 at all frequencies.

Each returns a map of scores, and the outputs of its layers for feature matching. Audio is [B, T].
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1

# A map of scores, and the outputs of the layers.
Judgement = tuple[Tensor, list[Tensor]]


def conv2d(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> torch.nn.Module:
    """Makes a weight-normalised convolution that keeps the size of its input, except for its stride."""
    padding = (kernel[0] // 2, kernel[1] // 2)
    return weight_norm(torch.nn.Conv2d(inputs, outputs, kernel, stride, padding))


class Discriminator(torch.nn.Module):
    """Convolutions over an image of the audio."""

    def __init__(self, layers: Sequence[torch.nn.Module], last: torch.nn.Module):
        super().__init__()
        self.layers, self.last = torch.nn.ModuleList(layers), last

    def image(self, audio: Tensor) -> Tensor:
        """Audio [B, T] → [B, channels, height, width]."""
        raise NotImplementedError

    def forward(self, audio: Tensor) -> Judgement:
        x, features = self.image(audio), []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return self.last(x), features


class ResolutionDiscriminator(Discriminator):
    """Judges real and imaginary parts of an STFT, frames by bins (Jang et al. 2021, UnivNet, section 2.3; complex as in
    Défossez et al. 2022)."""

    window: Tensor

    def __init__(self, size: int, channels: int):
        wide, square = (3, 9), (3, 3)
        layers = [
            conv2d(2, channels, wide),
            *(conv2d(channels, channels, wide, (1, 2)) for _ in range(3)),
            conv2d(channels, channels, square),
        ]
        super().__init__(layers, conv2d(channels, 1, square))
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def image(self, audio: Tensor) -> Tensor:
        size = len(self.window)
        spectrum = torch.stft(audio, size, size // 4, window=self.window, normalized=True, return_complex=True)
        return torch.view_as_real(spectrum).permute(0, 3, 2, 1).contiguous()


class PeriodDiscriminator(Discriminator):
    """Judges audio that is folded into rows of one period (Kong et al. 2020, HiFi-GAN, section 2.3)."""

    def __init__(self, period: int, channels: int):
        widths = [1, channels, 4 * channels, 8 * channels, 16 * channels]
        layers = [conv2d(a, b, (5, 1), (3, 1)) for a, b in zip(widths, widths[1:])]
        super().__init__([*layers, conv2d(widths[-1], widths[-1], (5, 1))], conv2d(widths[-1], 1, (3, 1)))
        self.period = period

    def image(self, audio: Tensor) -> Tensor:
        return F.pad(audio, (0, -audio.shape[1] % self.period), mode="reflect").unflatten(1, (-1, self.period))[:, None]


class Discriminators(torch.nn.ModuleList):
    """All discriminators of an `adversarial` config."""

    def __init__(self, config: dict[str, Any]):
        resolutions = [ResolutionDiscriminator(size, config["resolutionChannels"]) for size in config["windows"]]
        super().__init__(
            [*resolutions, *(PeriodDiscriminator(period, config["periodChannels"]) for period in config["periods"])]
        )

    def forward(self, audio: Tensor) -> list[Judgement]:
        return [discriminator(audio) for discriminator in self]


def discriminator_loss(real: Sequence[Judgement], made: Sequence[Judgement]) -> Tensor:
    """Hinge loss (Lim & Ye 2017, eq. 8), the mean over discriminators."""
    terms = [F.relu(1 - r.float()).mean() + F.relu(1 + m.float()).mean() for (r, _), (m, _) in zip(real, made)]
    return torch.stack(terms).mean()


def generator_loss(made: Sequence[Judgement]) -> Tensor:
    """Hinge loss of the generator, the mean over discriminators."""
    return torch.stack([-scores.float().mean() for scores, _ in made]).mean()


def feature_distance(real: Sequence[Judgement], made: Sequence[Judgement], clips: list[int]) -> Tensor:
    """Feature matching over some clips of a batch: the mean distance of the layers' outputs, relative to their size for
    the recording."""
    distances = [
        (r[clips] - m[clips]).float().abs().mean() / (r[clips].float().abs().mean() + 1e-6)
        for (_, a), (_, b) in zip(real, made)
        for r, m in zip(a, b)
    ]
    return torch.stack(distances).mean()

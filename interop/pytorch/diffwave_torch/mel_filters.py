"""The mel scales and the filters of a mel convention. Mirrors src/audio/mel/filters.ts."""

import math
from typing import Any

import torch
from torch import Tensor

# Slaney's scale is linear up to a knee.
HERTZ_PER_MEL, KNEE_HERTZ, LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27
KNEE = KNEE_HERTZ / HERTZ_PER_MEL


def slaney_hertz(mel: Tensor) -> Tensor:
    """Slaney's mel scale, linear below 1 kHz and logarithmic above (librosa, htk=False): mel → Hz."""
    return torch.where(mel < KNEE, mel * HERTZ_PER_MEL, KNEE_HERTZ * torch.exp(LOG_STEP * (mel - KNEE)))


def slaney_mel(hertz: float) -> float:
    """Hz → mel."""
    return hertz / HERTZ_PER_MEL if hertz < KNEE_HERTZ else KNEE + math.log(hertz / KNEE_HERTZ) / LOG_STEP


def htk_hertz(mel: Tensor) -> Tensor:
    """HTK's mel scale (torchaudio's default): mel → Hz."""
    return 700 * (10 ** (mel / 2595) - 1)


def htk_mel(hertz: float) -> float:
    """Hz → mel."""
    return 2595 * math.log10(1 + hertz / 700)


# Hz → mel and mel → Hz.
SCALES = {"slaney": (slaney_mel, slaney_hertz), "htk": (htk_mel, htk_hertz)}


def corner_frequencies(convention: dict[str, Any]) -> Tensor:
    """Computes the corners of the triangles in Hz [M + 2], evenly spaced in mel. Band b has its centre at b + 1."""
    to_mel, to_hertz = SCALES[convention["melScale"]]
    low, high = to_mel(convention["minFrequency"]), to_mel(convention["maxFrequency"])
    return to_hertz(torch.linspace(low, high, convention["bands"] + 2, dtype=torch.float64))


def mel_filters(convention: dict[str, Any]) -> Tensor:
    """Makes triangles with an area (`slaney`) or a height of one: [M, N]."""
    corners = corner_frequencies(convention)
    size = convention["fftSize"]
    hertz = torch.arange(size // 2 + 1, dtype=torch.float64) * convention["sampleRate"] / size
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = torch.minimum((hertz - left) / (centre - left), (right - hertz) / (right - centre)).clamp(min=0)
    return (triangles * (2 / (right - left) if convention["filterNorm"] == "slaney" else 1)).float()

"""Computes mel spectrograms, and the linear magnitudes that a mel implies. Mirrors src/audio/mel.

Shapes: B clips, T samples, F mel frames, M mel bands, N bins (fftSize/2 + 1).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .mel_convention import check_supported_mel
from .mel_filters import mel_filters
from .stft import magnitude, modulus, stft

# Keeps divisions by the sum of filters that reach a bin defined where none does.
TINY = 1e-12
# Magnitude below which a bin counts as silent; max gain in one update of the correction.
SILENT, MAX_GAIN = 1e-9, 10
# Max ratio of a band's target to its present value, in refinement.
MAX_RATIO = 1000


def relaxation_factor(ratio: Tensor, relaxation: float) -> Tensor:
    """Computes by how much relaxation, 1 to below 2, changes the ratios of bins (src/audio/mel/relaxation.ts)."""
    return (1 + (relaxation - 1) * (ratio - 1)).clamp(0.5, 2)


class MelTransform(torch.nn.Module):
    """A convention like tacotron2's or Vocos's: periodic Hann, centred frames, magnitude, ln(max(S, floor))."""

    window: Tensor
    filters: Tensor
    column_sums: Tensor
    areas: Tensor

    def __init__(self, convention: dict[str, Any]):
        """@raises ConfigError if the convention is of another kind"""
        super().__init__()
        check_supported_mel(convention, "mel")
        self.size, self.hop, self.floor = convention["fftSize"], convention["hop"], convention["floor"]
        filters = mel_filters(convention)
        self.register_buffer("window", torch.hann_window(self.size), persistent=False)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("column_sums", filters.sum(0) + TINY, persistent=False)
        self.register_buffer("areas", filters.sum(1), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Computes the log-mel [B, M, F], F = (T − size)/hop + 1, of audio [B, T] with size/2 samples of context at
        either end."""
        spectrum = magnitude(audio, self.window, self.hop, centred=False, smallest=1e-9)
        return (self.filters @ spectrum).clamp(min=self.floor).log()

    def magnitudes(self, mel: Tensor, iterations: int) -> Tensor:
        """Finds a non-negative spectrum [B, N, F] whose bands match a log-mel [B, M, F]; zero outside the filters.

        Multiplicative updates for the Kullback–Leibler divergence (Lee & Seung 2001, eq. 5), started from each band
        spread over its bins, as src/audio/mel/inverse.ts has them.
        """
        target = mel.exp().transpose(1, 2)
        spectrum = (target / self.areas) @ self.filters / self.column_sums
        for _ in range(iterations):
            ratio = target / (spectrum @ self.filters.T + TINY)
            spectrum = spectrum * (ratio @ self.filters) / self.column_sums
        return spectrum.transpose(1, 2)

    def corrected(
        self, audio: Tensor, mel: Tensor, passes: int = 1, iterations: int = 5, relaxation: float = 1.0
    ) -> Tensor:
        """Moves the magnitudes of audio [B, T] towards a log-mel [B, M, F], and keeps its phases. Has gradients.

        Each pass is a step of Griffin & Lim (1984) whose target is the mel's bands. A relaxation above 1 goes past it.
        In synthesis T = F·hop; a mel of one frame more, as training has it, reaches half a window beyond the end.
        """
        target, samples = mel.exp(), audio.shape[1]
        for _ in range(passes):
            spectrum = stft(audio, self.window, self.hop)[:, :, : mel.shape[2]]
            gain = self.gain(spectrum.abs(), target, iterations)
            spectrum = spectrum * (gain * relaxation_factor(gain, relaxation))
            audio = torch.istft(spectrum, self.size, self.hop, window=self.window, length=samples)
        return audio

    def refined(
        self, audio: Tensor, mel: Tensor, iterations: int, momentum: float = 0.99, relaxation: float = 1.0
    ) -> Tensor:
        """Refines the phases of audio [B, T], as src/audio/mel/phase-refinement.ts does. Has gradients.

        It is the fast Griffin–Lim algorithm (Perraudin, Balazs & Søndergaard 2013) towards the bands of the log-mel
        [B, M, F]. Unlike in the correction, what frames make beyond the audio's ends stays for the next iteration.
        """
        frames, before, samples = mel.shape[2], self.size // 2, audio.shape[1]
        length = self.hop * (frames - 1) + self.size
        target = mel.exp()
        is_told = (self.filters.sum(0) > 0)[:, None]
        squares = self.overlapped(self.window.square().expand(1, frames, -1), length).clamp(min=TINY)
        audio, previous = F.pad(audio, (before, length - before - samples)), torch.zeros(())
        for _ in range(iterations):
            spectrum = stft(audio, self.window, self.hop, centred=False)
            magnitudes = modulus(spectrum, SILENT)
            ratio = (target / (self.filters @ magnitudes + SILENT)).clamp(max=MAX_RATIO)
            ratio = (self.filters.T @ ratio) / self.column_sums[:, None]
            gain = ratio * relaxation_factor(ratio, relaxation)
            moved = spectrum + momentum * (spectrum - previous)
            previous = spectrum
            spectrum = torch.where(is_told, moved * (gain * magnitudes / modulus(moved, SILENT)), spectrum)
            windowed = torch.fft.irfft(spectrum.transpose(1, 2), n=self.size) * self.window
            audio = self.overlapped(windowed, length) / squares
        return audio[:, before : before + samples]

    def overlapped(self, frames: Tensor, length: int) -> Tensor:
        """Adds up frames [B, F, L], each a hop later than the one before: [B, length]."""
        return F.fold(frames.transpose(1, 2), (1, length), (1, self.size), stride=(1, self.hop))[:, 0, 0]

    def gain(self, spectrum: Tensor, target: Tensor, iterations: int) -> Tensor:
        """Computes the gain per bin [B, N, F] that moves magnitudes [B, N, F] towards the bands [B, M, F]."""
        gain = torch.ones_like(spectrum)
        for _ in range(iterations):
            ratio = target / (self.filters @ (spectrum * gain) + SILENT)
            gain = gain * ((self.filters.T @ ratio) / self.column_sums[:, None]).clamp(max=MAX_GAIN)
        return gain

"""Front ends, which convert audio to channels and back: disjoint patches, or overlapping windows in a Fourier basis.

Shapes: B clips, T samples, S stride, P = T/S positions, K kernel, N bins.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class Patches:
    """Sample p·S + j is channel j of position p (src/model/network.ts, `patch`)."""

    def __init__(self, patch: int):
        self.stride = self.channels = patch

    def encode(self, audio: Tensor) -> Tensor:
        """[B, T] → [B, S, P]"""
        return audio.unflatten(1, (-1, self.stride)).transpose(1, 2)

    def decode(self, channels: Tensor) -> Tensor:
        """[B, S, P] → [B, T]"""
        return channels.transpose(1, 2).flatten(1)


def fourier_rows(kernel: int, bins: int) -> Tensor:
    """Makes the cosines, then the sines, of bins 0 to N − 1 over K samples: [2N, K]. They yield the real parts and the
    negated imaginary parts of a DFT."""
    k = torch.arange(bins, dtype=torch.float64)[:, None]
    angle = 2 * math.pi / kernel * (k * torch.arange(kernel) % kernel)
    return torch.cat([angle.cos(), angle.sin()])


class Windows(torch.nn.Module):
    """Position p sees samples p·S − (K − S)/2 … p·S + (K + S)/2 − 1, zeros beyond the clip, under a window w, the
    square root of a periodic Hann window. Its channels are N cosine and N sine coefficients, white noise of deviation 1
    having deviation 1 in each (but √2 and 0 in the first and last bin of the whole spectrum). The way back is the
    inverse DFT, w once more, overlap-add, and division by the sum of the squared windows over each sample: without a
    change in between and with all K/2 + 1 bins, the identity.
    """

    window: Tensor
    squares: Tensor

    def __init__(self, kernel: int, stride: int, bins: int, learned: bool = False):
        super().__init__()
        self.kernel, self.stride, self.bins, self.margin = kernel, stride, bins, (kernel - stride) // 2
        self.channels, self.learned = 2 * bins, learned
        window = torch.hann_window(kernel, dtype=torch.float64).sqrt() if kernel > stride else torch.ones(kernel)
        squares = window.square()
        # Σ w²/2 is the variance of a coefficient of white noise.
        self.unit = math.sqrt(squares.sum() / 2)
        self.register_buffer("window", window.float(), persistent=False)
        if learned:
            rows = fourier_rows(kernel, bins) * window
            twice = torch.full((bins,), 2.0, dtype=torch.float64)
            twice[[0] + [-1] * (bins == kernel // 2 + 1)] = 1
            self.analysis = torch.nn.Parameter((rows / self.unit).float()[:, None])
            self.synthesis = torch.nn.Parameter(
                (rows * twice.repeat(2)[:, None] * (self.unit / kernel)).float()[:, None]
            )
        self.register_buffer("squares", squares.float(), persistent=False)

    def encode(self, audio: Tensor) -> Tensor:
        """[B, T] → [B, 2N, P]"""
        rows = F.pad(audio, (self.margin, self.margin)).unfold(1, self.kernel, self.stride)
        if self.learned:
            return (rows @ self.analysis[:, 0].T).transpose(1, 2)
        spectrum = torch.fft.rfft(rows * self.window)[:, :, : self.bins] / self.unit
        return torch.cat([spectrum.real, -spectrum.imag], 2).transpose(1, 2)

    def decode(self, channels: Tensor) -> Tensor:
        """[B, 2N, P] → [B, T]"""
        rows = channels.transpose(1, 2)
        if self.learned:
            pieces = rows @ self.synthesis[:, 0]
        else:
            cosines, sines = rows.chunk(2, 2)
            pieces = torch.fft.irfft(torch.complex(cosines, -sines) * self.unit, self.kernel) * self.window
        covered = self.overlap_add(self.squares.expand(1, channels.shape[2], -1))
        return self.overlap_add(pieces) / covered

    def overlap_add(self, pieces: Tensor) -> Tensor:
        """Pieces of K samples, S apart, [B, P, K] → their sum, [B, P·S]."""
        batch, positions, _ = pieces.shape
        parts = self.kernel // self.stride
        total = pieces.new_zeros(batch, positions + parts - 1, self.stride)
        for part, piece in enumerate(pieces.unflatten(2, (parts, self.stride)).unbind(2)):
            total[:, part : part + positions] += piece
        return total.flatten(1)[:, self.margin : self.margin + positions * self.stride]


def front_end(network: dict[str, Any]) -> Patches | Windows:
    """Makes the front end of a network's config."""
    front = network["frontEnd"]
    if front is None:
        return Patches(network["patch"])
    return Windows(front["kernel"], front["stride"], front["bins"], front["learned"])

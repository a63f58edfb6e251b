"""Magnitudes of short-time Fourier transforms."""

import torch
from torch import Tensor


def stft(audio: Tensor, window: Tensor, hop: int, centred: bool = True) -> Tensor:
    """Computes the complex spectra [B, N, F] of audio [B, T], unnormalised. If frames are centred, the audio is 0
    before its first sample and after its last."""
    return torch.stft(audio, len(window), hop, window=window, center=centred, pad_mode="constant", return_complex=True)


def modulus(spectrum: Tensor, smallest: float) -> Tensor:
    """Magnitudes of complex numbers; `smallest` is added in squares, so that the root has a gradient at zero."""
    return (torch.view_as_real(spectrum).square().sum(-1) + smallest**2).sqrt()


def magnitude(audio: Tensor, window: Tensor, hop: int, centred: bool = True, smallest: float = 0.0) -> Tensor:
    """Magnitudes [B, N, F] of audio [B, T]; `smallest` as in `modulus`."""
    return modulus(stft(audio, window, hop, centred), smallest)

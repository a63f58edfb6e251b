"""Computes mel spectrograms, and the linear magnitudes that a mel implies. Mirrors src/audio/mel.

Shapes: B clips, T samples, F mel frames, M mel bands, N bins (fftSize/2 + 1).
"""

import math

import torch
import torch.nn.functional as F

from .fields import require, shown

TINY = 1e-12
# Magnitude below which a bin counts as silent; max gain in one update of the correction.
SILENT, MAX_GAIN = 1e-9, 10
# Max ratio of a band's target to its present value, in refinement.
MAX_RATIO = 1000
HERTZ_PER_MEL, KNEE_HERTZ, LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27
KNEE = KNEE_HERTZ / HERTZ_PER_MEL


def slaney_hertz(mel):
    """Slaney's mel scale, linear below 1 kHz and logarithmic above (librosa, htk=False): mel → Hz."""
    return torch.where(mel < KNEE, mel * HERTZ_PER_MEL, KNEE_HERTZ * torch.exp(LOG_STEP * (mel - KNEE)))


def slaney_mel(hertz):
    """Hz → mel."""
    return hertz / HERTZ_PER_MEL if hertz < KNEE_HERTZ else KNEE + math.log(hertz / KNEE_HERTZ) / LOG_STEP


def htk_hertz(mel):
    """HTK's mel scale (torchaudio's default): mel → Hz."""
    return 700 * (10 ** (mel / 2595) - 1)


def htk_mel(hertz):
    """Hz → mel."""
    return 2595 * math.log10(1 + hertz / 700)


# Hz → mel and mel → Hz.
SCALES = {"slaney": (slaney_mel, slaney_hertz), "htk": (htk_mel, htk_hertz)}


def mel_filters(convention):
    """Makes triangles with an area (`slaney`) or a height of one, and corners that are evenly spaced in mel: [M, N]."""
    to_mel, to_hertz = SCALES[convention["melScale"]]
    low, high = to_mel(convention["minFrequency"]), to_mel(convention["maxFrequency"])
    corners = to_hertz(torch.linspace(low, high, convention["bands"] + 2, dtype=torch.float64))
    size = convention["fftSize"]
    hertz = torch.arange(size // 2 + 1, dtype=torch.float64) * convention["sampleRate"] / size
    left, centre, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = torch.minimum((hertz - left) / (centre - left), (right - hertz) / (right - centre)).clamp(min=0)
    return (triangles * (2 / (right - left) if convention["filterNorm"] == "slaney" else 1)).float()


def check_supported_mel(convention, where):
    """@raises ConfigError if a convention is not like those of tacotron2 and Vocos"""
    like = {"framing": "centre", "power": 1, "magnitudeEpsilon": 0, "windowNormalised": False, "logarithm": "ln"}
    for key, value in {**like, "normalisation": None, "windowLength": convention["fftSize"]}.items():
        expected = "null" if value is None else value
        message = f"{shown(convention[key])} is not supported here; expected {expected}"
        require(convention[key] == value, f"{where}.{key}", message)


class MelTransform(torch.nn.Module):
    """A convention like tacotron2's or Vocos's: periodic Hann, centred frames, magnitude, ln(max(S, floor))."""

    def __init__(self, convention):
        super().__init__()
        check_supported_mel(convention, "mel")
        self.size, self.hop, self.floor = convention["fftSize"], convention["hop"], convention["floor"]
        filters = mel_filters(convention)
        self.register_buffer("window", torch.hann_window(self.size), persistent=False)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("column_sums", filters.sum(0) + TINY, persistent=False)
        self.register_buffer("areas", filters.sum(1), persistent=False)

    def forward(self, audio):
        """Computes the log-mel [B, M, F], F = (T − size)/hop + 1, of audio [B, T] with size/2 samples of context at
        either end."""
        spectrum = magnitude(audio, self.window, self.hop, centred=False, smallest=1e-9)
        return (self.filters @ spectrum).clamp(min=self.floor).log()

    def magnitudes(self, mel, iterations):
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

    def corrected(self, audio, mel, passes=1, iterations=5):
        """Moves the magnitudes of audio [B, T] towards a log-mel [B, M, F], and keeps its phases. Has gradients.

        Each pass is a step of Griffin & Lim (1984) whose target is the mel's bands. In synthesis T = F·hop; a mel of
        one frame more, as training has it, reaches half a window beyond the end.
        """
        shape, target = dict(window=self.window, hop_length=self.hop), mel.exp()
        for _ in range(passes):
            spectrum = torch.stft(audio, self.size, **shape, pad_mode="constant", return_complex=True)
            spectrum = spectrum[:, :, : mel.shape[2]]
            gain = self.gain(spectrum.abs(), target, iterations)
            audio = torch.istft(spectrum * gain, self.size, **shape, length=audio.shape[1])
        return audio

    def refined(self, audio, mel, iterations, momentum=0.99, relaxation=1.0):
        """Refines the phases of audio [B, T], as src/audio/mel/phase-refinement.ts does. Has gradients.

        Unlike in the correction, what frames make beyond the audio's ends stays for the next iteration.
        """
        frames, before, samples = mel.shape[2], self.size // 2, audio.shape[1]
        length = self.hop * (frames - 1) + self.size
        shape, target = dict(window=self.window, hop_length=self.hop, center=False), mel.exp()
        told = (self.filters.sum(0) > 0)[:, None]
        squares = self.overlapped(self.window.square().expand(1, frames, -1), length).clamp(min=TINY)
        audio, previous = F.pad(audio, (before, length - before - samples)), 0
        for _ in range(iterations):
            spectrum = torch.stft(audio, self.size, **shape, return_complex=True)
            magnitudes = modulus(spectrum, SILENT)
            ratio = (target / (self.filters @ magnitudes + SILENT)).clamp(max=MAX_RATIO)
            ratio = (self.filters.T @ ratio) / self.column_sums[:, None]
            gain = ratio * (1 + (relaxation - 1) * (ratio - 1)).clamp(0.5, 2)
            moved = spectrum + momentum * (spectrum - previous)
            previous = spectrum
            spectrum = torch.where(told, moved * (gain * magnitudes / modulus(moved, SILENT)), spectrum)
            windowed = torch.fft.irfft(spectrum.transpose(1, 2), n=self.size) * self.window
            audio = self.overlapped(windowed, length) / squares
        return audio[:, before : before + samples]

    def overlapped(self, frames, length):
        """Adds up frames [B, F, L], each a hop later than the one before: [B, length]."""
        shape = dict(kernel_size=(1, self.size), stride=(1, self.hop))
        return F.fold(frames.transpose(1, 2), (1, length), **shape)[:, 0, 0]

    def gain(self, spectrum, target, iterations):
        """Computes the gain per bin [B, N, F] that moves magnitudes [B, N, F] towards the bands [B, M, F]."""
        gain = 1
        for _ in range(iterations):
            ratio = target / (self.filters @ (spectrum * gain) + SILENT)
            gain = gain * ((self.filters.T @ ratio) / self.column_sums[:, None]).clamp(max=MAX_GAIN)
        return gain


def modulus(spectrum, smallest):
    """Magnitudes of complex numbers; `smallest` is added in squares, so that the root has a gradient at zero."""
    return (torch.view_as_real(spectrum).square().sum(-1) + smallest**2).sqrt()


def magnitude(audio, window, hop, centred=True, smallest=0.0):
    """Magnitudes [B, N, F] of audio [B, T]; `smallest` as in `modulus`."""
    shape = dict(window=window, center=centred, pad_mode="constant", return_complex=True)
    return modulus(torch.stft(audio, len(window), hop, **shape), smallest)


def at_positions(frames, hop, stride, count, offset=0):
    """Values per mel frame [B, C, F], frame f lying at sample f·hop, read at samples p·stride + offset: [B, C, count].

    Linear between frames; the last one is held.
    """
    at = (torch.arange(count, device=frames.device) * stride + offset) / hop
    below = at.long().clamp(max=frames.shape[2] - 1)
    above = (below + 1).clamp(max=frames.shape[2] - 1)
    low = frames[:, :, below]
    return low + (frames[:, :, above] - low) * (at - at.floor()).to(frames.dtype)


def smooth_bins(power, factor):
    """Power per bin [B, N, F], a triangle of ±factor bins around every factor-th bin: [B, (N − 1)/factor + 1, F].

    The first and last bin are repeated at the ends. So bins of a long transform become those of one a factor shorter.
    """
    if factor == 1:
        return power
    triangle = 1 - torch.arange(1 - factor, factor, device=power.device).abs() / factor
    rows = F.pad(power.transpose(1, 2), (factor - 1, factor - 1), mode="replicate")
    return (rows.unfold(2, 2 * factor - 1, factor) @ (triangle / factor)).transpose(1, 2)

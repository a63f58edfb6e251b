"""What training minimises, as a function of x̂_0. Audio is [B, T]; values are per clip, [B]."""

import torch
import torch.nn.functional as F

from .alignment import HIGHEST, VOICED
from .mel import magnitude

# Bins that a target's power is averaged over, two by two: 256 bands over a window of 1024 samples.
PAIR = 2
SMALLEST_POWER = 1e-7
LOWEST_WEIGHT, HIGHEST_WEIGHT = 1e-2, 1e2
# Magnitudes below this share of the target's have less to say about phases; power that keeps roots from being 0.
LEAST_SHARE, SMALLEST = 0.1, 1e-12


def below(limits, bins, rate):
    """1 for the bins [N] of a transform that lie below each clip's limit [B] in Hz, else 0: [B, N, 1]."""
    hertz = torch.arange(bins, device=limits.device) * (rate / 2 / (bins - 1))
    return (hertz <= limits[:, None]).float().unsqueeze(2)


def masked_mean(values, mask):
    """Mean over bins and frames [B, N, F] of what a mask [B, N, 1] leaves: [B]."""
    return (values * mask).sum((1, 2)) / (mask.sum((1, 2)) * values.shape[2]).clamp(min=1)


class TimeFrequencyLoss(torch.nn.Module):
    """The squared error, weighted per time-frequency region by the inverse of the target's magnitude there (Flow2GAN's
    loss): mean of |STFT(x̂_0 − x_0)|² · clamp((|X|² + 1e-7)^−½, 0.01, 100), Hann windows of 1024 every 256 samples,
    unnormalised."""

    def __init__(self, rate, size=1024):
        super().__init__()
        self.rate = rate
        self.hop = size // 4
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, predicted, target, limits):
        # The last bin has no partner.
        error = magnitude(predicted - target, self.window, self.hop, smallest=1e-9).square()[:, :-1]
        power = magnitude(target, self.window, self.hop).square()[:, :-1]
        return masked_mean(error * self.weight(power), below(limits, error.shape[1] + 1, self.rate)[:, :-1])

    @staticmethod
    def weight(power):
        """Of the error in each region; power [B, N, F] of the target."""
        pairs = F.avg_pool1d(power.transpose(1, 2), PAIR).repeat_interleave(PAIR, 2).transpose(1, 2)
        return (pairs + SMALLEST_POWER).rsqrt().clamp(LOWEST_WEIGHT, HIGHEST_WEIGHT)

    def of_phases(self, predicted, target, limits, counted):
        """The same of a spectrum with the phases of x̂_0, X̂, and the magnitudes of the target, X: mean of
        2·(|X|² − |X|·Re(X̂·X*)/√(|X̂|² + (|X|/10)²)) · weight. Where phases can only be guessed, the squared error
        would ask for less magnitude; this does not.

        @param counted: the frames that count, [B, F], at multiples of `hop`; others are 0 in the mean
        """
        shape = dict(window=self.window, center=True, pad_mode="constant", return_complex=True)
        spectra = (torch.stft(audio, len(self.window), self.hop, **shape) for audio in (predicted, target))
        made, wanted = (spectrum[:, :-1] for spectrum in spectra)
        power, product = wanted.abs().square(), (made * wanted.conj()).real
        scale = (torch.view_as_real(made).square().sum(-1) + LEAST_SHARE**2 * power + SMALLEST).sqrt()
        error = 2 * (power - power.sqrt() * product / scale) * self.weight(power) * counted[:, None]
        return masked_mean(error, below(limits, error.shape[1] + 1, self.rate)[:, :-1])


class SpectralLoss(torch.nn.Module):
    """A multi-resolution STFT distance (Yamamoto et al. 2020, eq. 4–6, with absolute differences): mean of |A − B| /
    mean(B) + |ln(A + c) − ln(B + c)|; hop a quarter of a window; c, the magnitude of white noise of deviation 1e-4."""

    OFFSET = 1e-4

    def __init__(self, rate, windows):
        super().__init__()
        self.rate, self.sizes = rate, windows
        for size in windows:
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)

    def forward(self, predicted, target, limits):
        total = 0
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

    def __init__(self, config):
        super().__init__()
        rate = config["model"]["sampleRate"]
        self.weighting = config["weighting"]
        mel, front = config["model"]["mel"], config["model"]["network"]["frontEnd"]
        self.highest, self.stride = mel["maxFrequency"], front["stride"]
        # What the correction's windows of a crop lack of the audio beyond it.
        self.edge = mel["windowLength"] // 2 if front["correction"] else 0
        self.main = TimeFrequencyLoss(rate)
        spectral = config["spectral"]
        self.weight = spectral["weight"] if spectral else 0
        self.spectral = SpectralLoss(rate, spectral["windows"]) if spectral else None

    def level_weight(self, alpha_bar):
        """Of an error of x̂_0: 1, or `truncated-v`: min(SNR + 1, most), which the plain loss of v would give (Salimans
        & Ho 2022)."""
        if self.weighting["kind"] == "none":
            return torch.ones_like(alpha_bar)
        if self.weighting["kind"] == "truncated-v":
            return (1 / (1 - alpha_bar)).clamp(max=self.weighting["most"])
        return (alpha_bar / (1 - alpha_bar)).clamp(max=self.weighting["gamma"])

    def forward(self, predicted, target, limits, alpha_bar):
        """The loss, and its main part, of each clip: two tensors [B]."""
        predicted, target = self.inner(predicted), self.inner(target)
        main = self.main(predicted, target, limits)
        total = main * self.level_weight(alpha_bar)
        if self.spectral is not None:
            total = total + self.weight * self.spectral(predicted, target, limits)
        return total, main

    def of_own_steps(self, made, target, limits, weights, voicing=None, edges=1):
        """Of x̂_0 of each step from noise on, a list of [B, T]: the loss, and the last one's distance, [B] each.

        Only magnitudes are compared, since phases are the network's own, and other than the recording's. From pulses
        that stand where the recording's do, and voicing [B, P], phases are compared, too, where they can be known: in
        voiced frames, up to where pulses are aligned.

        @param edges: how many times the usual edge is left out, as in `inner`
        """
        target, limits = self.inner(target, edges), limits.clamp(max=self.highest)
        made = [self.inner(audio, edges) for audio in made]
        distances = [self.spectral(audio, target, limits) for audio in made]
        total = self.weight * sum(weight * distance for weight, distance in zip(weights, distances))
        if voicing is not None:
            at = (torch.arange(target.shape[1] // self.main.hop + 1) * self.main.hop + edges * self.edge) // self.stride
            voiced = voicing[:, at.clamp(max=voicing.shape[1] - 1)] > VOICED
            aligned = limits.clamp(max=HIGHEST)
            errors = [self.main.of_phases(audio, target, aligned, voiced) for audio in made]
            total = total + sum(weight * error for weight, error in zip(weights, errors))
        return total, distances[-1]

    def inner(self, audio, edges=1):
        """Audio without the edges of a crop."""
        return audio[:, edges * self.edge : audio.shape[1] - edges * self.edge]

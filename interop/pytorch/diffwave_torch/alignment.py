"""Finds the pulses of a recording. A vocoder that is trained from pulses elsewhere can only average over the phases of
speech. From pulses in their places it learns the phases, and synthesis works from pulses anywhere. Mirrors
src/data-domain/pulse-alignment.ts.

Shapes: B clips, T samples, S stride, P = T/S positions, N bins, U shifts of a period.
"""

import numpy
import torch
from torch import Tensor

# Number of shifts per period that are compared; max change between two positions, in shifts; cost of a change, which is
# COST times its square, in periods.
SHIFTS, REACH, COST = 64, 8, 80.0
# Range in Hz that is compared: harmonics above the fundamental, whose phase depends on the microphone, and below the
# noise.
LOWEST, HIGHEST = 300.0, 4000.0
# Weight of an unvoiced position; voicing above which a position counts as voiced.
UNVOICED_SHARE, VOICED = 0.05, 0.99
FLOOR = 1e-6


def minimum_phase(deviations: Tensor, kernel: int) -> Tensor:
    """Computes the angles [..., N] of the minimum-phase filter with the magnitudes [..., N]. These are the first N of
    K/2 + 1 bins; the highest is repeated above. The angles are the phases of the spectrum of the folded cepstrum
    (Oppenheim & Schafer, Discrete-Time Signal Processing)."""
    levels = deviations.log()
    above = kernel // 2 + 1 - levels.shape[-1]
    levels = torch.cat([levels, levels[..., -1:].expand(*levels.shape[:-1], above)], -1)
    cepstrum = torch.fft.irfft(levels, kernel)
    # The real part is still the levels; the imaginary part is the angle.
    half = kernel // 2
    folded = torch.cat([cepstrum[..., :1], 2 * cepstrum[..., 1:half], cepstrum[..., half : half + 1]], -1)
    return torch.fft.rfft(folded, kernel).imag[..., : deviations.shape[-1]]


def agreement(
    audio: numpy.ndarray, pulses: numpy.ndarray, deviations: numpy.ndarray, f0: numpy.ndarray, rate: int, kernel: int
) -> numpy.ndarray:
    """Measures how well pulses that are moved by each shift fit the recording, about −1 to 1.

    @param audio, pulses: spectra per position, complex [B, P, N]
    @param deviations: the mel's envelope [B, P, N]
    @param f0: Hz at each position [B, P]
    @returns [B, P, U], shifts of −1/2 … 1/2 of a period, later is positive
    """
    hertz = numpy.arange(audio.shape[2]) * rate / kernel
    used = (hertz > LOWEST) & (hertz < HIGHEST)
    white = audio / deviations * numpy.exp(-1j * minimum_phase(torch.from_numpy(deviations), kernel).numpy()) * used
    level = numpy.sqrt((numpy.abs(white) ** 2).sum(2, keepdims=True) / used.sum())
    product = white / numpy.maximum(level, FLOOR) * numpy.conj(pulses) / used.sum()
    # With twice as many samples as the window has, linear interpolation between them is accurate enough.
    size = 2 * kernel
    correlation = numpy.fft.irfft(product, size) * (size / 2)
    shifts = (numpy.arange(SHIFTS) - SHIFTS // 2) / SHIFTS
    at = shifts * (2 * rate / f0[:, :, None])
    below = numpy.floor(at).astype(int)
    low = numpy.take_along_axis(correlation, below % size, 2)
    high = numpy.take_along_axis(correlation, (below + 1) % size, 2)
    return low + (high - low) * (at - below)


def path(scores: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Finds the best path through the shifts [B, P, U] by Viterbi. Returns shifts in periods, continuous from position
    to position, and their scores, [B, P] each."""
    batch, positions, count = scores.shape
    moves, own = numpy.arange(-REACH, REACH + 1), numpy.arange(count)
    sources = (own - moves[:, None]) % count
    costs = (COST * (moves / count) ** 2)[:, None]
    best, back = scores[:, 0], numpy.zeros((positions, batch, count), int)
    for p in range(1, positions):
        reached = best[:, sources] - costs
        move = reached.argmax(1)
        back[p] = (own - moves[move]) % count
        best = scores[:, p] + numpy.take_along_axis(reached, move[:, None], 1)[:, 0]
    clips, states = numpy.arange(batch), numpy.empty((batch, positions), int)
    states[:, -1] = best.argmax(1)
    for p in range(positions - 1, 0, -1):
        states[:, p - 1] = back[p, clips, states[:, p]]
    # A parabola through the neighbours finds the peak between shifts.
    around = [numpy.take_along_axis(scores, (states[:, :, None] + d) % count, 2)[:, :, 0] for d in (-1, 0, 1)]
    left, middle, right = around
    bend = left - 2 * middle + right
    peak = (bend < 0) & (middle >= left) & (middle >= right)
    offset = numpy.where(peak, (left - right) / numpy.where(peak, bend, 1) / 2, 0)
    shifts = (states + offset - count // 2) / count
    return numpy.unwrap(shifts, axis=1, period=1), middle


def align(
    audio: numpy.ndarray,
    pulses: numpy.ndarray,
    deviations: numpy.ndarray,
    f0: numpy.ndarray,
    voicing: numpy.ndarray,
    rate: int,
    kernel: int,
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Measures how much later than given pulses a recording's own pulses come, in periods, at each position [B, P], and
    how well they fit: the mean over voiced positions [B], 0 if there are none.

    @param voicing: at each position [B, P]; the others as in `agreement`
    """
    voiced = voicing > VOICED
    scores = agreement(audio, pulses, deviations, f0, rate, kernel) * numpy.where(voiced, 1, UNVOICED_SHARE)[:, :, None]
    shifts, found = path(scores)
    return shifts, (found * voiced).sum(1) / numpy.maximum(voiced.sum(1), 1)

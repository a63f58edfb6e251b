"""Finds the pitch that a mel implies. Mirrors src/audio/mel/pitch.ts.

The lower bands of a mel are narrow enough to show single harmonics. What they show is compared with templates, one per
candidate of f0; the path through the candidates is Viterbi's, decided a fixed number of frames later, so that a stream
finds what a whole clip does.
"""

import math
from typing import Any

import numpy
from torch import Tensor

from .pitch_candidates import CANDIDATES, MIN_HERTZ, PER_OCTAVE
from .pitch_network import PitchNetwork

# Only bands whose peak lies below this frequency in Hz are used. Templates have harmonics up to twice as high.
MAX_BAND_HERTZ = 1600.0
# Cosines over the bands that stand for the envelope and are removed from mels and templates.
ENVELOPE_COSINES = 5
# Levels more than this below a frame's loudest band are raised to it (natural logarithm).
DEPTH = 7.0
# Power between the harmonics of a template, the peaks being 1.
BETWEEN = 1e-4
# A frame whose residual is smaller than this scores less.
MIN_NORM = 2.0
# Score of the state without pitch; cost of a jump by an octave; cost where voice begins or ends.
UNVOICED, OCTAVE_COST, CHANGE_COST = 0.5, 4.0, 0.25
# Max candidates between a frame and the next; frames until a decision; frames on either side that are averaged.
REACH, LAG, SMOOTHING = 12, 12, 2


def lobe(bins: numpy.ndarray) -> numpy.ndarray:
    """The spectrum of a periodic Hann window of many samples at a distance in bins, 1 at its middle."""
    d = numpy.abs(bins)
    near = numpy.abs(d - 1) < 1e-6
    safe = numpy.where(near, 0.5, d)
    return numpy.where(near, 0.5, numpy.abs(numpy.sinc(safe) / (1 - safe * safe)))


class PitchTracker:
    """For one convention with a periodic Hann window and magnitudes (power 1)."""

    def __init__(self, filters: Tensor, rate: int, size: int, method: str | dict[str, Any] = "mean"):
        """@param filters: of the mel, [M, N] @param rate: of the audio, in Hz @param size: samples of a transform
        @param method: `mean` of five frames, or the config of a `PitchNetwork`
        """
        self.network = PitchNetwork(method) if isinstance(method, dict) else None
        own = numpy.asarray(filters, numpy.float64)
        self.bands = int((own.argmax(1) * rate / size <= MAX_BAND_HERTZ).sum())
        b = numpy.arange(self.bands)
        cosines = numpy.cos(math.pi * numpy.arange(ENVELOPE_COSINES)[:, None] * (b + 0.5) / self.bands)
        self.cosines = cosines / numpy.linalg.norm(cosines, axis=1, keepdims=True)
        self.candidates = MIN_HERTZ * 2 ** (numpy.arange(CANDIDATES) / PER_OCTAVE)
        bins = numpy.arange(size // 2 + 1)
        templates = []
        for f in self.candidates:
            power = numpy.full(len(bins), BETWEEN)
            for k in range(1, int(2 * MAX_BAND_HERTZ / f) + 1):
                power += lobe(bins - k * f * size / rate) ** 2
            templates.append(numpy.log(own[: self.bands] @ numpy.sqrt(power)))
        shapes = self.residual(numpy.stack(templates))
        self.templates = shapes / numpy.linalg.norm(shapes, axis=1, keepdims=True)

    def residual(self, levels: numpy.ndarray) -> numpy.ndarray:
        """Removes the envelope from levels [..., bands]."""
        return levels - (levels @ self.cosines.T) @ self.cosines

    def track(self, mel: numpy.ndarray) -> numpy.ndarray:
        """Finds f0 in Hz [B, F], 0 without pitch, in natural log-mels [B, M, F]."""
        scores = self.scores(mel)
        path = self.path(scores)
        if self.network is None:
            return self.smooth(path)
        return numpy.where(path >= 0, MIN_HERTZ * 2 ** ((path + self.network.offsets(scores, path)) / PER_OCTAVE), 0)

    def scores(self, mel: numpy.ndarray) -> numpy.ndarray:
        """Computes the scores of the candidates [B, F, candidates] from natural log-mels [B, M, F]."""
        levels = numpy.asarray(mel, numpy.float64)[:, : self.bands].transpose(0, 2, 1)
        residual = self.residual(numpy.maximum(levels, levels.max(2, keepdims=True) - DEPTH))
        norm = numpy.linalg.norm(residual, axis=2, keepdims=True)
        return (residual / numpy.maximum(norm, MIN_NORM)) @ self.templates.T

    def path(self, scores: numpy.ndarray) -> numpy.ndarray:
        """Finds the path of candidates [B, F], −1 without pitch, through scores [B, F, candidates]."""
        batch, frames, count = scores.shape
        clips = numpy.arange(batch)
        best = numpy.concatenate([scores[:, 0], numpy.full((batch, 1), UNVOICED)], 1)
        back, result = numpy.zeros((frames, batch, count + 1), numpy.int64), numpy.empty((batch, frames), numpy.int64)
        moves = numpy.arange(-REACH, REACH + 1)
        costs = (numpy.abs(moves) * OCTAVE_COST / PER_OCTAVE)[:, None]
        own = numpy.arange(count)
        for t in range(frames):
            if t > 0:
                padded = numpy.pad(best[:, :count], ((0, 0), (REACH, REACH)), constant_values=-numpy.inf)
                reached = numpy.stack([padded[:, REACH + d : REACH + d + count] for d in moves], 1) - costs
                move = reached.argmax(1)
                staying = numpy.take_along_axis(reached, move[:, None], 1)[:, 0]
                beginning = best[:, count:] - CHANGE_COST
                begins = beginning > staying
                back[t, :, :count] = numpy.where(begins, count, own + move - REACH)
                voiced = scores[:, t] + numpy.where(begins, beginning, staying)
                leading = best[:, :count].argmax(1)
                ending = best[clips, leading] - CHANGE_COST
                ends = ending > best[:, count]
                back[t, :, count] = numpy.where(ends, leading, count)
                best = numpy.concatenate([voiced, (UNVOICED + numpy.where(ends, ending, best[:, count]))[:, None]], 1)
            if t >= LAG:
                state = best.argmax(1)
                for s in range(t, t - LAG, -1):
                    state = back[s, clips, state]
                result[:, t - LAG] = state
        state = best.argmax(1)
        for t in range(frames - 1, max(-1, frames - 1 - LAG), -1):
            result[:, t] = state
            state = back[t, clips, state]
        return numpy.where(result == count, -1, result)

    def smooth(self, path: numpy.ndarray) -> numpy.ndarray:
        """Converts candidates [B, F] to Hz: the geometric mean of the frames around that have a pitch; 0 without."""
        logs = numpy.where(path >= 0, numpy.log(self.candidates)[path], 0)

        def around(values: numpy.ndarray) -> numpy.ndarray:
            """Sums over the frames around each, [B, F]."""
            padded = numpy.pad(values, ((0, 0), (SMOOTHING, SMOOTHING)))
            return numpy.lib.stride_tricks.sliding_window_view(padded, 2 * SMOOTHING + 1, axis=1).sum(2)

        return numpy.where(path >= 0, numpy.exp(around(logs) / numpy.maximum(around((path >= 0) * 1.0), 1)), 0)

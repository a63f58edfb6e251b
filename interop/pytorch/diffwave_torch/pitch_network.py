"""A small network that finds where f0 lies between the tracker's candidates, from the scores around it. Mirrors
src/audio/mel/pitch-network.ts; train_pitch.py trains it.
"""

import base64
from typing import Any

import numpy

from .pitch_candidates import PER_OCTAVE

MIDDLE_CANDIDATE = 72


class PitchNetwork:
    """For inference, in float64, as src/audio/mel/pitch-network.ts."""

    def __init__(self, config: dict[str, Any]):
        """@param config: frames, reach, hidden, and weights as base64 of float32"""
        self.frames, self.reach, hidden = config["frames"], config["reach"], config["hidden"]
        inputs = (2 * self.frames + 1) * (2 * self.reach + 1) + 1
        numbers = numpy.frombuffer(base64.b64decode(config["weights"]), "<f4").astype(numpy.float64)
        shapes = [(hidden, inputs), (hidden,), (hidden, hidden), (hidden,), (1, hidden), (1,)]
        ends = numpy.cumsum([int(numpy.prod(shape)) for shape in shapes])
        if ends[-1] != len(numbers):
            raise ValueError(f"expected {ends[-1]} weights, got {len(numbers)}")
        self.parts = [part.reshape(shape) for part, shape in zip(numpy.split(numbers, ends[:-1]), shapes)]

    def offsets(self, scores: numpy.ndarray, path: numpy.ndarray) -> numpy.ndarray:
        """Computes how far above the path [B, F] f0 lies, in candidates. Values of frames without pitch are undefined.

        @param scores: [B, F, candidates]
        """
        w1, b1, w2, b2, w3, b3 = self.parts
        x = windows(scores, path, self.frames, self.reach)
        x = numpy.maximum(x @ w1.T + b1, 0)
        x = numpy.maximum(x @ w2.T + b2, 0)
        return (x @ w3.T + b3)[..., 0]


def windows(scores: numpy.ndarray, path: numpy.ndarray, frames: int, reach: int) -> numpy.ndarray:
    """Makes the network's input for each frame, [B, F, inputs]. A frame without pitch has that of the lowest
    candidate."""
    batch, count, _ = scores.shape
    padded = numpy.pad(scores, ((0, 0), (frames, frames), (reach, reach)))
    own = numpy.maximum(path, 0)
    clip = numpy.arange(batch)[:, None, None]
    row = numpy.arange(count)[None, :, None]
    around = own[:, :, None] + numpy.arange(2 * reach + 1)
    seen = [padded[clip, row + d, around] for d in range(2 * frames + 1)]
    return numpy.concatenate([*seen, ((own - MIDDLE_CANDIDATE) / PER_OCTAVE)[:, :, None]], 2)

"""Makes pulses at a mel's pitch, and noise whose level follows them: the start of voiced speech. Mirrors
src/data-domain/excitation.ts."""

from typing import TypeVar

import numpy
from torch import Tensor

Array = TypeVar("Array", numpy.ndarray, Tensor)

# Half of the pulses' length in samples.
HALF_WIDTH = 8
# Frequency in Hz until the first pitch is found.
FIRST_PITCH = 100.0


def per_sample(pitch: numpy.ndarray, hop: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Turns f0 in Hz [F], 0 without pitch, into f0 and voicing per sample [F·hop]. Between frames, ln f0 and voicing
    change linearly. A frame without pitch takes the f0 of the next frame, or else the last one found."""
    later = numpy.append(pitch[1:], pitch[-1:])
    left, right = numpy.log(numpy.maximum(pitch, 1e-9)), numpy.log(numpy.maximum(later, 1e-9))
    has, following = pitch > 0, later > 0
    held = numpy.maximum.accumulate(numpy.where(has, numpy.arange(len(pitch)), -1))
    before = numpy.where(held >= 0, left[held], numpy.log(FIRST_PITCH))
    start = numpy.where(has, left, numpy.where(following, right, before))
    end = numpy.where(following, right, start)
    share = numpy.arange(hop) / hop
    f0 = numpy.exp(start[:, None] + (end - start)[:, None] * share)
    voicing = has[:, None] + (following * 1.0 - has)[:, None] * share
    return f0.ravel(), voicing.ravel()


def excite(
    pitch: numpy.ndarray, hop: int, rate: int, samples: int, later: numpy.ndarray | None = None
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Makes pulses, breath and voicing [T], float64, from the pitch [F]. Where voicing is 1, pulses have a power of 1.
    Breath is the gain of white noise: highest at the pulses of voiced speech, and 1 without voice. `later` [T] delays
    the pulses, in periods."""
    f0, voicing = per_sample(pitch, hop)
    f0, voicing = f0[:samples], voicing[:samples]
    phase = numpy.cumsum(f0 / rate)
    if later is not None:
        phase = phase - later
    whole = numpy.floor(phase)
    at = numpy.nonzero(numpy.diff(whole, prepend=0.0 if later is None else numpy.floor(-later[0])) > 0)[0]
    period = rate / f0[at]
    position = at - (phase[at] - whole[at]) * period
    places = numpy.floor(position).astype(int)[:, None] + numpy.arange(1 - HALF_WIDTH, HALF_WIDTH + 1)
    d = places - position[:, None]
    values = numpy.sqrt(period)[:, None] * numpy.sinc(d) * (0.5 + 0.5 * numpy.cos(numpy.pi * d / HALF_WIDTH))
    pulses = numpy.zeros(samples)
    inside = (places >= 0) & (places < samples)
    numpy.add.at(pulses, places[inside], values[inside])
    breath = (1 + numpy.cos(2 * numpy.pi * phase)) ** 2 / 1.5
    return pulses * numpy.sqrt(voicing), numpy.sqrt(1 - voicing + voicing * breath), voicing


def pulse_share(hertz: Array, corner: float, noise: float) -> Array:
    """Computes the share of pulses in the power at a frequency where voicing is 1: 1 far below the corner, 1 − noise
    far above it."""
    x = (hertz / corner) ** 4
    return 1 - noise * x / (1 + x)

"""Reads and resamples recordings, and says which cannot be used."""

from collections import Counter

import numpy
import soundfile
from scipy.signal import resample_poly

# Peak below which a recording is silent; share of samples at full scale above which it is clipped.
SILENCE, CLIPPED_SHARE = 1e-3, 1e-3


def read_recording(path: str) -> tuple[numpy.ndarray, int] | None:
    """Reads a recording, mixed down to one channel. Returns samples [T] and sample rate, or None if it cannot be
    read."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    # A damaged header can declare more samples than fit in memory.
    except (OSError, MemoryError, soundfile.LibsndfileError):
        return None
    return samples.mean(1), rate


def resampled(samples: numpy.ndarray, source: int, target: int) -> numpy.ndarray:
    """Resamples from one sample rate to another with a polyphase filter."""
    if source == target:
        return samples
    divisor = int(numpy.gcd(source, target))
    return resample_poly(samples, target // divisor, source // divisor).astype(numpy.float32)


def fault(samples: numpy.ndarray, shortest: int) -> str | None:
    """Says why a recording is left out, or returns None. `shortest`: number of samples that it needs."""
    peak = numpy.abs(samples).max(initial=0)
    if len(samples) < shortest:
        return "too short"
    if not numpy.isfinite(peak):
        return "unreadable"
    if peak < SILENCE:
        return "silent"
    if (numpy.abs(samples) >= 32767 / 32768).mean() > CLIPPED_SHARE:
        return "clipped"
    return None


def left_out_text(counts: Counter[str]) -> str:
    """Says how many recordings are left out, by reason. The most frequent reason comes first."""
    return f"left out: {', '.join(f'{count} {reason}' for reason, count in counts.most_common())}"

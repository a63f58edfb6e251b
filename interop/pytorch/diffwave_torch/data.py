"""Reads recordings into memory and makes random crops of them. The rules are those of `diffwave train`
(src/training/data): which files are read, left out and kept for validation, and how the fingerprint is computed.
"""

import copy
import hashlib
import os
import unicodedata
from collections import Counter

import numpy
import soundfile
import torch
from scipy.signal import resample_poly

from .labels import label_text, labels
from .number_text import number_text
from .recordings import DataError, portable, recordings_once, some

SILENCE, CLIPPED_SHARE = 1e-3, 1e-3
# Share of half a recording's sample rate up to which frequencies count. Resampling filters remove what lies above.
USABLE_BAND = 0.97


def is_validation(name, share):
    """Whether a file is kept for validation. A hash of its name decides, so that new files do not move others
    (src/training/data/dataset-builder.ts)."""
    return int.from_bytes(hashlib.sha256(os.path.basename(portable(name)).encode()).digest()[:4], "big") < share * 2**32


def fault(samples, shortest):
    """Says why a recording is left out, or returns None."""
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


def left_out_text(counts):
    """Says how many recordings are left out, by reason. The most frequent reason comes first."""
    return f"left out: {', '.join(f'{count} {reason}' for reason, count in counts.most_common())}"


def read_recording(path):
    """Reads a recording, mixed down to one channel. Returns samples and sample rate, or None if it cannot be read."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    # A damaged header can declare more samples than fit in memory.
    except (OSError, MemoryError, soundfile.LibsndfileError):
        return None
    return samples.mean(1), rate


def resampled(samples, source, target):
    """Resamples to another sample rate with a polyphase filter."""
    if source == target:
        return samples
    divisor = int(numpy.gcd(source, target))
    return resample_poly(samples, target // divisor, source // divisor).astype(numpy.float32)


class Recordings:
    """All clips in one tensor, one after the other, in 16 bits. Each has `context` samples of reflected audio at either
    end."""

    def __init__(self):
        self.pieces, self.starts, self.lengths, self.limits, self.folders, self.end = [], [], [], [], [], 0

    def add(self, samples, limit, folder, context, shortest):
        """Adds a clip. `limit`: the highest frequency in Hz that the recording contains."""
        samples = numpy.pad(samples, (0, max(0, shortest - len(samples))))
        padded = numpy.pad(samples, context, mode="reflect")
        self.pieces.append(torch.from_numpy(numpy.rint(padded.clip(-1, 1) * 32767).astype(numpy.int16)))
        self.starts.append(self.end)
        self.lengths.append(len(samples))
        self.limits.append(limit)
        self.folders.append(folder)
        self.end += len(padded)

    def clip(self, index, context):
        """Returns a clip without its context, as float32."""
        start = self.starts[index] + context
        return self.samples[start : start + self.lengths[index]].float() / 32768

    def negate(self, index, context):
        """Inverts a clip."""
        part = slice(self.starts[index], self.starts[index] + self.lengths[index] + 2 * context)
        self.samples[part] = -self.samples[part]

    def close(self):
        self.samples = torch.cat(self.pieces)
        self.pieces = []
        return self

    def to(self, device):
        """Copies the recordings to another device. Their lists are shared."""
        moved = copy.copy(self)
        moved.samples = self.samples.to(device)
        return moved

    def without_samples(self):
        """Copies everything except the samples, which another process reads from a file."""
        bare = copy.copy(self)
        bare.samples = None
        return bare


class Dataset:
    """The recordings of several folders, at one sample rate."""

    def __init__(self, folders, config, context):
        data, model = config["data"], config["model"]
        rate, shortest = model["sampleRate"], data["cropSamples"]
        self.training, self.validation, self.left_out = Recordings(), Recordings(), []
        speeds = ",".join(number_text(speed) for speed in data["speeds"])
        digest = hashlib.sha256(f"{rate} {shortest} {number_text(data['validationShare'])} {speeds}\n".encode())
        # For people, one line each.
        self.notes = []
        classes = {folder: labels(folder, self.notes.append) for folder in dict.fromkeys(folders)}
        # Folders that overlap have notes in common.
        self.notes = list(dict.fromkeys(self.notes))
        found, again = recordings_once((folder, classes[folder]) for folder in folders)
        if again:
            self.notes.append(f"found more than once in the data folders, used once: {some(again)}")
        for folder, name in found:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    contents = hashlib.sha256(file.read()).digest()
                read = read_recording(path)
            except OSError:
                read = None
            if read is None:
                self.left_out.append((name, "unreadable"))
                continue
            samples, own = read
            reason = fault(resampled(samples, own, rate), shortest)
            if reason:
                self.left_out.append((name, reason))
                continue
            label = unicodedata.normalize("NFC", label_text(classes[folder][name]))
            digest.update(f"{portable(name)}\n{label}\n".encode() + contents)
            kept = is_validation(name, data["validationShare"])
            for speed in [1] if kept else data["speeds"]:
                heard = resampled(samples, round(own * speed), rate)
                if len(heard) >= shortest:
                    limit = min(own * speed, rate) / 2 * USABLE_BAND
                    own_folder = os.path.join(folder, os.path.dirname(name))
                    (self.validation if kept else self.training).add(heard, limit, own_folder, context, shortest)
        if not self.training.pieces:
            counts = Counter(reason for _, reason in self.left_out)
            reasons = [left_out_text(counts)] if counts else []
            found = f"no recording of at least {shortest} samples below {', '.join(folders)}"
            raise DataError("; ".join([found, *reasons, *self.notes[:3]]))
        self.fingerprint = digest.hexdigest()
        self.hours = sum(self.training.lengths) / rate / 3600
        self.training.close()
        if self.validation.pieces:
            self.validation.close()


class Crops:
    """Makes random crops. Crop i of a draw depends only on (seed, draw, i), so that a resumed or distributed run sees
    the same data."""

    def __init__(self, recordings, config, context):
        data, model = config["data"], config["model"]
        self.recordings, self.context, self.hop = recordings, context, model["mel"]["hop"]
        self.samples, self.gain, self.seed = data["cropSamples"], data["gain"], config["seed"]
        places = [(length - self.samples) // self.hop + 1 for length in recordings.lengths]
        self.ends = numpy.cumsum(places)
        self.width = self.samples + 2 * context

    def batch(self, draw, numbers, count):
        """Makes the crops `numbers` out of the `count` crops of a draw.

        @returns audio with context [B, T + 2·context], limits in Hz [B], shares of the range of levels [B], seeds of
        the noise [B]
        """
        device = self.recordings.samples.device
        offset = self.random(draw, 2**31).random()
        starts, gains, limits, levels, seeds = [], [], [], [], []
        for number in numbers:
            random = self.random(draw, number)
            place = int(random.random() * self.ends[-1])
            clip = int(numpy.searchsorted(self.ends, place, side="right"))
            before = self.ends[clip - 1] if clip else 0
            starts.append(self.recordings.starts[clip] + int(place - before) * self.hop)
            limits.append(self.recordings.limits[clip])
            gains.append(10 ** (random.uniform(*self.gain) / 20))
            # Levels are spread evenly over the range, so that every batch has clean and noisy levels.
            levels.append((offset + number / count) % 1)
            seeds.append(int(random.integers(2**62)))
        index = torch.tensor(starts, device=device)[:, None] + torch.arange(self.width, device=device)
        audio = self.recordings.samples[index].float() / 32768
        tensor = lambda values: torch.tensor(values, dtype=torch.float32, device=device)
        return audio * tensor(gains)[:, None], tensor(limits), tensor(levels), seeds

    def random(self, draw, number):
        """Makes the random generator for one crop of a draw."""
        return numpy.random.Generator(numpy.random.Philox(key=self.seed, counter=[0, number, draw, 0]))


def white_noise(seeds, samples, device):
    """Draws standard normal noise, one clip per seed: [B, samples]."""
    generator = torch.Generator(device)
    return torch.stack([torch.randn(samples, generator=generator.manual_seed(seed), device=device) for seed in seeds])

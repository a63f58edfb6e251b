"""Reads recordings into memory and makes random crops of them. The rules are those of `diffwave train`
(src/training/data): which files are read, left out and kept for validation, and how the fingerprint is computed.
"""

import copy
import hashlib
import os
import re
import unicodedata

import numpy
import soundfile
import torch
from scipy.signal import resample_poly

RECORDING = re.compile(r"\.(wav|flac|mp3|ogg|oga|opus)$", re.IGNORECASE)
SILENCE, CLIPPED_SHARE = 1e-3, 1e-3
# Share of half a recording's sample rate up to which frequencies count. Resampling filters remove what lies above.
USABLE_BAND = 0.97


class DataError(ValueError):
    """Error in the recordings. Its message is one line."""


def portable(path):
    """Writes a path as every system does (src/core/folder.ts): with `/`, and with composed characters."""
    return unicodedata.normalize("NFC", path.replace(os.sep, "/"))


def recordings(folder):
    """Lists the paths of recordings below a folder, relative to it and sorted. As in src/core/folder.ts, links to
    folders are followed, each folder is entered once, and folders that are reached without links come first."""
    if not os.path.isdir(folder):
        raise DataError(f"--data {folder}: no such folder")
    found, entered, waiting = [], set(), [""]
    while waiting:
        links = []
        for below in in_order(waiting):
            enter(folder, below, entered, found, links)
        waiting = links
    return in_order(found)


def enter(folder, below, entered, found, links):
    """Adds the recordings of a subfolder, and of the subfolders in it, to `found`, and links to folders to `links`."""
    path = os.path.join(folder, below)
    place = os.path.realpath(path)
    if place in entered:
        return
    entered.add(place)
    try:
        entries = list(os.scandir(path))
    except OSError:
        return
    for entry in entries:
        name = os.path.join(below, entry.name)
        if entry.is_dir(follow_symlinks=False):
            enter(folder, name, entered, found, links)
        elif entry.is_dir():
            links.append(name)
        # macOS puts files named `._…` beside those of a foreign disk. They hold no audio.
        elif RECORDING.search(name) and not entry.name.startswith("._"):
            found.append(name)


def in_order(paths):
    """Sorts paths as every system does. JavaScript compares texts by their 16-bit units."""
    return sorted(paths, key=lambda path: (portable(path).encode("utf-16-be"), path))


def recordings_once(folders):
    """Lists the recordings of folders that may overlap: (folder, path below it), each file once, as it is found first
    (src/training/data/find-recordings.ts). Also returns the paths of files that were found again."""
    once, again, known = [], [], set()
    for folder in folders:
        for name in recordings(folder):
            path = os.path.join(folder, name)
            place = os.path.realpath(path)
            if place in known:
                again.append(path)
            else:
                once.append((folder, name))
            known.add(place)
    return once, again


def labels(folder):
    """Reads `metadata.csv`: the second column by file name without its ending. The last line of a name counts."""
    try:
        with open(os.path.join(folder, "metadata.csv"), encoding="utf8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    parts = [re.split(r"[,|]", line) for line in lines]
    return {
        RECORDING.sub("", os.path.basename(p[0].strip())): p[1].strip() for p in parts if len(p) > 1 and p[0] and p[1]
    }


def is_validation(name, share):
    """Whether a file is kept for validation. A hash of its name decides, so that new files do not move others
    (src/training/data/dataset.ts)."""
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
        speeds = ",".join(f"{speed:g}" for speed in data["speeds"])
        digest = hashlib.sha256(f"{rate} {shortest} {data['validationShare']:g} {speeds}\n".encode())
        classes = {folder: labels(folder) for folder in folders}
        found, again = recordings_once(folders)
        more = f" and {len(again) - 1} more" if len(again) > 1 else ""
        # For people, one line each.
        self.notes = [f"found more than once in the data folders, used once: {again[0]}{more}"] if again else []
        for folder, name in found:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    contents = hashlib.sha256(file.read()).digest()
                samples, own = soundfile.read(path, dtype="float32", always_2d=True)
            except (OSError, soundfile.LibsndfileError):
                self.left_out.append((name, "unreadable"))
                continue
            samples = samples.mean(1)
            reason = fault(resampled(samples, own, rate), shortest)
            if reason:
                self.left_out.append((name, reason))
                continue
            above = os.path.dirname(name)
            label = classes[folder].get(RECORDING.sub("", os.path.basename(name)), os.path.basename(above))
            label = unicodedata.normalize("NFC", label)
            digest.update(f"{portable(name)}\n{label}\n".encode() + contents)
            kept = is_validation(name, data["validationShare"])
            for speed in [1] if kept else data["speeds"]:
                heard = resampled(samples, round(own * speed), rate)
                if len(heard) >= shortest:
                    limit = min(own * speed, rate) / 2 * USABLE_BAND
                    own_folder = os.path.join(folder, above)
                    (self.validation if kept else self.training).add(heard, limit, own_folder, context, shortest)
        if not self.training.pieces:
            raise DataError(f"no recording of at least {shortest} samples below {', '.join(folders)}")
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

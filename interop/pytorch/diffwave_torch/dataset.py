"""Reads recordings into memory. The rules are those of `diffwave train` (src/training/data): which files are read, left
out and kept for validation, and how the fingerprint is computed.
"""

import hashlib
import os
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy

from .audio import fault, left_out_text, read_recording, resampled
from .clips import Clips
from .cores import cores
from .labels import label_text, labels
from .number_text import number_text
from .recordings import DataError, portable, recordings_once, some

# Share of half a recording's sample rate up to which frequencies count. Resampling filters remove what lies above.
USABLE_BAND = 0.97
# Number of threads that read recordings, and of recordings that are held until they are added.
READERS, AHEAD = 8, 64


def is_validation(name: str, share: float) -> bool:
    """Whether a file is kept for validation. A hash of its name decides, so that new files do not move others
    (src/training/data/dataset-builder.ts)."""
    return int.from_bytes(hashlib.sha256(os.path.basename(portable(name)).encode()).digest()[:4], "big") < share * 2**32


class Heard(NamedTuple):
    """A recording that is used: the hash of its file, and its samples [T] at each speed with the highest frequency in
    Hz that they contain."""

    digest: bytes
    versions: list[tuple[numpy.ndarray, float]]


class Dataset:
    """The recordings of several folders, at one sample rate."""

    def __init__(self, folders: list[str], config: dict[str, Any], context: int):
        """@param config: a `train.json` @param context: samples that each clip needs before and after it
        @raises DataError if no recording can be used"""
        data = config["data"]
        self.rate, self.shortest = config["model"]["sampleRate"], data["cropSamples"]
        self.validation_share, self.speeds = data["validationShare"], data["speeds"]
        self.training, self.validation = Clips(context), Clips(context)
        # Names and reasons; notes for people, one line each.
        self.left_out: list[tuple[str, str]] = []
        self.notes: list[str] = []
        speeds = ",".join(map(number_text, self.speeds))
        settings = f"{self.rate} {self.shortest} {number_text(self.validation_share)} {speeds}\n"
        self.digest = hashlib.sha256(settings.encode())
        classes = {folder: labels(folder, self.notes.append) for folder in dict.fromkeys(folders)}
        # Folders that overlap have notes in common.
        self.notes = list(dict.fromkeys(self.notes))
        found, again = recordings_once((folder, classes[folder]) for folder in folders)
        if again:
            self.notes.append(f"found more than once in the data folders, used once: {some(again)}")
        labelled = [(folder, name, label_text(classes[folder][name])) for folder, name in found]
        with ThreadPoolExecutor(min(READERS, cores())) as pool:
            for first in range(0, len(labelled), AHEAD):
                part = labelled[first : first + AHEAD]
                # In their order: the fingerprint depends on it.
                for (folder, name, label), heard in zip(part, pool.map(self.read, part)):
                    self.add(folder, name, label, heard)
        if not self.training.lengths:
            raise DataError(self.nothing_found(folders))
        self.fingerprint = self.digest.hexdigest()
        self.hours = sum(self.training.lengths) / self.rate / 3600
        self.training.close()
        self.validation.close()

    def read(self, recording: tuple[str, str, str]) -> Heard | str:
        """Reads a recording, given by folder, name and label. Returns why it is left out if it is. Libraries decode,
        resample and hash outside of Python's lock: several threads can do this at a time."""
        folder, name, _ = recording
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).digest()
            found = read_recording(path)
        except OSError:
            found = None
        if found is None:
            return "unreadable"
        samples, own = found
        plain = resampled(samples, own, self.rate)
        reason = fault(plain, self.shortest)
        if reason:
            return reason
        speeds = [1] if is_validation(name, self.validation_share) else self.speeds
        versions = [plain if speed == 1 else resampled(samples, round(own * speed), self.rate) for speed in speeds]
        limits = [min(own * speed, self.rate) / 2 * USABLE_BAND for speed in speeds]
        return Heard(digest, [pair for pair in zip(versions, limits) if len(pair[0]) >= self.shortest])

    def add(self, folder: str, name: str, label: str, heard: Heard | str) -> None:
        """Adds what `read` returned."""
        if isinstance(heard, str):
            self.left_out.append((name, heard))
            return
        line = f"{portable(name)}\n{unicodedata.normalize('NFC', label)}\n"
        self.digest.update(line.encode() + heard.digest)
        clips = self.validation if is_validation(name, self.validation_share) else self.training
        for samples, limit in heard.versions:
            clips.add(samples, limit, os.path.join(folder, os.path.dirname(name)))

    def nothing_found(self, folders: list[str]) -> str:
        counts = Counter(reason for _, reason in self.left_out)
        reasons = [left_out_text(counts)] if counts else []
        found = f"no recording of at least {self.shortest} samples below {', '.join(folders)}"
        return "; ".join([found, *reasons, *self.notes[:3]])

"""Finds the pulses that crops start from. Pitch and Viterbi paths are computed on the CPU, at about a million samples
per second and core: far too slow for a GPU. With a GPU, separate processes compute them some batches ahead.
"""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple, Optional

import numpy
import torch

from .data import Crops
from .network import Excitation, Network
from .recordings import DataError

# Number of batches per process that are computed ahead.
AHEAD = 2


class CropPulses(NamedTuple):
    """The excitation of a batch, and where its phases are those of the recordings, [B, P]; None if nowhere."""

    excitation: Excitation
    known: Optional[torch.Tensor]


@torch.no_grad()
def crop_pulses(network, kind, clean, mel, deviations, numbers):
    """Finds the pulses of crops x_0 [B, T] with log-mels [B, M, F] and deviations [B, N, P], on the CPU. `kind` is the
    config's `pulses`."""
    pitch = network.pitch_of(mel)
    if kind == "free":
        return CropPulses(network.excitation(pitch, clean.shape[1]), None)
    later, _, known = network.align_pulses(clean, pitch, deviations)
    if kind == "mixed":
        for clip in (i for i, number in enumerate(numbers) if number % 2):
            later[clip], known[clip] = 0, 0
    return CropPulses(network.excitation(pitch, clean.shape[1], later), known)


class Finder:
    """Finds the pulses of the crops of a draw, in a process that has only the config and the recordings."""

    def __init__(self, config, parts, context):
        self.network, self.kind = Network.of_model(config["model"]), config["pulses"]
        self.crops = [Crops(recordings, config, context) for recordings in parts]

    def find(self, part, draw, numbers, count):
        """Finds pulses and returns them as arrays, which are sent through a pipe. Tensors would need shared memory, of
        which containers have little."""
        audio, _, _, _ = self.crops[part].batch(draw, numbers, count)
        with torch.no_grad():
            clean, mel, deviations = self.network.conditioned(audio)
        excitation, known = crop_pulses(self.network, self.kind, clean, mel, deviations, numbers)
        return [None if part is None else part.numpy() for part in (*excitation, known)]


finder = None


def prepare(config, parts, files, context):
    """Starts a process of the pool."""
    global finder
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    for part, file in zip(parts, files):
        part.samples = torch.from_numpy(numpy.load(file, mmap_mode="c"))
    finder = Finder(config, parts, context)


def find(*crops):
    return finder.find(*crops)


class PulseWorkers:
    """Processes that find the pulses of training crops ahead, and the pulses of validation crops when asked.

    @param parts: `Recordings` on the CPU, training and, if there is any, validation
    @param path: start of the names of files with the recordings' samples, for the processes; `close` removes them
    """

    def __init__(self, config, parts, context, count, path):
        self.ahead, self.waiting, self.files = AHEAD * count, {}, []
        metadata = []
        for i, part in enumerate(parts):
            self.files.append(f"{path}-{i}.npy")
            numpy.save(self.files[-1], part.samples.numpy())
            metadata.append(part.without_samples())
        spawn = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(count, spawn, prepare, (config, metadata, self.files, context))

    def training(self, draw, numbers, count, device):
        """Returns the pulses of the crops of a draw, and orders those of the next draws."""
        for later in range(draw, draw + self.ahead + 1):
            if later not in self.waiting:
                self.waiting[later] = self.pool.submit(find, 0, later, numbers, count)
        return self.result(self.waiting.pop(draw), device)

    def validation(self, draw, numbers, count, device):
        return self.result(self.pool.submit(find, 1, draw, numbers, count), device)

    def result(self, future, device):
        try:
            parts = future.result()
        except BrokenProcessPool as error:
            raise DataError("the processes that find pulses have ended; are they out of memory?") from error
        *excitation, known = (None if part is None else torch.from_numpy(part).to(device) for part in parts)
        return CropPulses(Excitation(*excitation), known)

    def close(self):
        self.pool.shutdown(cancel_futures=True)
        for file in self.files:
            os.remove(file)

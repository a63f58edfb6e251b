"""Finds the pulses that crops start from. Pitch and Viterbi paths are computed on the CPU, at about a million samples
per second and core: far too slow for a GPU. With a GPU, separate processes compute them some batches ahead.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor

from .clips import Clips
from .crops import Crops
from .files import named
from .prior import Excitation, Prior
from .recordings import DataError

# Number of batches per process that are computed ahead.
AHEAD = 2
# The first part of the recordings; the other is for validation.
TRAINING = 0


# The arrays of an excitation, and `known` of `CropPulses`.
Found = tuple[list[numpy.ndarray], numpy.ndarray | None]


class CropPulses(NamedTuple):
    """The excitation of a batch, and where its phases are those of the recordings, [B, P]; None if nowhere."""

    excitation: Excitation
    known: Tensor | None

    def to(self, device: torch.device) -> "CropPulses":
        return CropPulses(self.excitation.to(device), None if self.known is None else self.known.to(device))


@torch.no_grad()
def crop_pulses(
    prior: Prior, kind: str, clean: Tensor, mel: Tensor, deviations: Tensor, numbers: Sequence[int]
) -> CropPulses:
    """Finds the pulses of crops x_0 [B, T] with log-mels [B, M, F] and envelopes [B, N, P], on the CPU.

    @param kind: the config's `pulses` @param numbers: those of the crops in their draw; with `mixed`, odd ones get
    pulses at arbitrary places
    """
    pitch, samples = prior.pitch_of(mel), clean.shape[1]
    if kind == "free":
        return CropPulses(prior.excitation(pitch, samples), None)
    later, _, known = prior.align_pulses(clean, pitch, deviations)
    if kind == "mixed":
        for clip in (i for i, number in enumerate(numbers) if number % 2):
            later[clip], known[clip] = 0, 0
    return CropPulses(prior.excitation(pitch, samples, later), known)


class Finder:
    """Finds the pulses of the crops of a draw, in a process that has only the config and the recordings."""

    def __init__(self, config: dict[str, Any], parts: Sequence[Clips]):
        self.prior, self.kind = Prior(config["model"]), config["pulses"]
        self.crops = [Crops(clips, config) for clips in parts]

    @torch.no_grad()
    def find(self, part: int, draw: int, numbers: Sequence[int], count: int) -> Found:
        """Finds pulses and returns them as arrays, which are sent through a pipe. Tensors would need shared memory, of
        which containers have little."""
        audio, _, _, _ = self.crops[part].batch(draw, numbers, count)
        clean, mel, deviations = self.prior.conditioned(audio)
        excitation, known = crop_pulses(self.prior, self.kind, clean, mel, deviations, numbers)
        return [tensor.numpy() for tensor in excitation], None if known is None else known.numpy()


# Of a process of the pool, which is handed functions of this module alone.
finder: Finder | None = None


def end_with_parent() -> None:
    """Ends this process when the one that started it ends, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def prepare(config: dict[str, Any], parts: Sequence[Clips], files: Sequence[str]) -> None:
    """Starts a process of the pool."""
    global finder
    # Ctrl-C and Slurm signal all processes. The trainer still needs pulses for the update that it finishes.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    for part, file in zip(parts, files):
        part.samples = torch.from_numpy(numpy.load(file, mmap_mode="c"))
    finder = Finder(config, parts)


def find(part: int, draw: int, numbers: Sequence[int], count: int) -> Found:
    assert finder is not None
    return finder.find(part, draw, numbers, count)


@contextlib.contextmanager
def named_if_broken() -> Iterator[None]:
    """Says what an end of the processes means. @raises DataError"""
    try:
        yield
    except BrokenProcessPool as error:
        raise DataError(
            "the processes that find pulses have ended; if they are out of memory, use fewer --workers"
        ) from error


def pulses_of(found: Found) -> CropPulses:
    """Makes what `find` returned into tensors."""
    excitation, known = found
    tensors = Excitation(*map(torch.from_numpy, excitation))
    return CropPulses(tensors, None if known is None else torch.from_numpy(known))


class PulseWorkers:
    """Processes that find the pulses of training crops ahead, and those of validation crops when asked."""

    def __init__(self, config: dict[str, Any], parts: Sequence[Clips], count: int, path: str):
        """@param parts: clips on the CPU, training and, if there is any, validation
        @param count: number of processes
        @param path: start of the names of files with the clips' samples, for the processes; `close` removes them
        @raises OSError
        """
        self.ahead = AHEAD * count
        self.waiting: dict[int, Future] = {}
        self.files = [f"{path}-{i}.npy" for i in range(len(parts))]
        try:
            for file, part in zip(self.files, parts):
                with named(file):
                    numpy.save(file, part.samples.numpy())
        except BaseException:
            self.remove_files()
            raise
        spawn, bare = multiprocessing.get_context("spawn"), [part.without_samples() for part in parts]
        self.pool = ProcessPoolExecutor(count, spawn, prepare, (config, bare, self.files))

    def find(self, part: int, draw: int, numbers: Sequence[int], count: int) -> CropPulses:
        """Returns the pulses of the crops of a draw, and orders those of the next draws if it is one of training (part
        0). @raises DataError"""
        with named_if_broken():
            if part != TRAINING:
                return pulses_of(self.pool.submit(find, part, draw, numbers, count).result())
            for later in range(draw, draw + self.ahead + 1):
                if later not in self.waiting:
                    self.waiting[later] = self.pool.submit(find, part, later, numbers, count)
            return pulses_of(self.waiting.pop(draw).result())

    def remove_files(self) -> None:
        for file in self.files:
            if os.path.exists(file):
                os.remove(file)

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)
        self.remove_files()

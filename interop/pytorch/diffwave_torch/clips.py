"""The recordings in memory."""

import copy
from typing import TypeVar

import numpy
import torch
from torch import Tensor

Self = TypeVar("Self", bound="Clips")


class Clips:
    """All clips in one tensor of 16-bit samples, one after the other. Each has `context` samples of reflected audio at
    either end, on which the mel at its ends depends."""

    samples: Tensor

    def __init__(self, context: int):
        self.context = context
        # Per clip: where it starts, with its context; its length without; the highest frequency in Hz that it contains;
        # and the folder of its recording.
        self.starts: list[int] = []
        self.lengths: list[int] = []
        self.limits: list[float] = []
        self.folders: list[str] = []
        self.pieces: list[Tensor] = []
        self.end = 0

    def add(self, samples: numpy.ndarray, limit: float, folder: str) -> None:
        """Adds a clip of samples [T], T > context."""
        padded = numpy.pad(samples, self.context, mode="reflect")
        self.pieces.append(torch.from_numpy(numpy.rint(padded.clip(-1, 1) * 32767).astype(numpy.int16)))
        self.starts.append(self.end)
        self.lengths.append(len(samples))
        self.limits.append(limit)
        self.folders.append(folder)
        self.end += len(padded)

    def close(self) -> None:
        """Joins the clips. It must follow the last `add`."""
        self.samples = torch.cat(self.pieces) if self.pieces else torch.empty(0, dtype=torch.int16)
        self.pieces = []

    def place(self, index: int) -> slice:
        """Returns where a clip lies in `samples`, with its context."""
        return slice(self.starts[index], self.starts[index] + self.lengths[index] + 2 * self.context)

    def padded(self, index: int) -> Tensor:
        """Returns a clip with its context, as float32 [T + 2·context]."""
        return self.samples[self.place(index)].float() / 32768

    def clip(self, index: int) -> Tensor:
        """Returns a clip without its context, as float32 [T]."""
        padded = self.padded(index)
        return padded[self.context : len(padded) - self.context]

    def negate(self, index: int) -> None:
        """Inverts a clip."""
        self.samples[self.place(index)] *= -1

    def to(self: Self, device: torch.device) -> Self:
        """Copies the clips to another device. Their lists are shared."""
        moved = copy.copy(self)
        moved.samples = self.samples.to(device)
        return moved

    def without_samples(self: Self) -> Self:
        """Copies everything except the samples, which another process reads from a file."""
        bare = copy.copy(self)
        del bare.samples
        return bare

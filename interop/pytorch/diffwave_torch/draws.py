"""What the updates of a run are made from: random crops of the recordings, and noise of the prior for them."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .crops import Crops
from .dataset import Dataset
from .prior import Prior
from .pulses import PulseWorkers, crop_pulses
from .seeds import white_noise


class Draw(NamedTuple):
    """The crops of one draw, and what the network starts from."""

    # x_0 and noise of the prior [B, T]; log-mels [B, M, F] and their envelopes [B, N, P].
    clean: Tensor
    noise: Tensor
    mel: Tensor
    deviations: Tensor
    # Highest frequencies in Hz [B]; shares of the range of levels [B].
    limits: Tensor
    shares: Tensor
    # Where the pulses are those of the recording [B, P]; None if nowhere.
    known: Tensor | None


class Draws:
    """Makes draws of the training and the validation clips, on one device. A draw depends only on the seed, its number
    and the recordings."""

    def __init__(self, config: dict[str, Any], dataset: Dataset, prior: Prior, device: torch.device):
        """@param config: a `train.json` @param prior: on any device; it is moved"""
        self.config, self.prior = config, prior.to(device)
        # On the CPU, for the processes that find pulses.
        self.parts = [part for part in (dataset.training, dataset.validation) if part.lengths]
        self.crops = [Crops(part.to(device), config) for part in self.parts]
        self.workers: PulseWorkers | None = None

    @property
    def has_validation(self) -> bool:
        return len(self.crops) > 1

    @property
    def has_pulses(self) -> bool:
        """Whether crops start from pulses. With pulses elsewhere than the recording's, a network of noised recordings
        would learn to remove them."""
        if self.prior.harmonics is None:
            return False
        return self.config["pulses"] != "free" or self.config["noiseLevels"]["kind"] == "own"

    @contextlib.contextmanager
    def working(self, count: int, path: str) -> Iterator[None]:
        """Lets `count` processes find the pulses, if there are any. `path`: start of the names of their files."""
        if self.has_pulses and count > 0:
            self.workers = PulseWorkers(self.config, self.parts, count, path)
        try:
            yield
        finally:
            if self.workers is not None:
                self.workers.close()
                self.workers = None

    def training(self, draw: int, numbers: Sequence[int], count: int) -> Draw:
        """Makes the crops `numbers` out of the `count` crops of a draw of the training clips. @raises DataError"""
        return self.draw(0, draw, numbers, count)

    def validation(self, draw: int, numbers: Sequence[int], count: int) -> Draw:
        """Makes the same of the validation clips. @raises DataError"""
        return self.draw(1, draw, numbers, count)

    @torch.no_grad()
    def draw(self, part: int, draw: int, numbers: Sequence[int], count: int) -> Draw:
        audio, limits, shares, seeds = self.crops[part].batch(draw, numbers, count)
        clean, mel, deviations = self.prior.conditioned(audio)
        white = white_noise(seeds, clean.shape[1], clean.device)
        found = None
        if self.workers is not None:
            found = self.workers.find(part, draw, numbers, count)
        elif self.has_pulses:
            found = crop_pulses(self.prior, self.config["pulses"], clean, mel, deviations, numbers)
        excitation, known = (None, None) if found is None else found.to(clean.device)
        noise = self.prior.noise(white, deviations, excitation)
        return Draw(clean, noise, mel, deviations, limits, shares, known)

"""Makes random crops of clips."""

from collections.abc import Sequence
from typing import Any

import numpy
import torch
from torch import Tensor

from .clips import Clips


class Crops:
    """Makes random crops. Crop i of a draw depends only on (seed, draw, i), so that a resumed or distributed run sees
    the same data."""

    def __init__(self, clips: Clips, config: dict[str, Any]):
        """@param config: a `train.json`"""
        data = config["data"]
        self.clips, self.hop = clips, config["model"]["mel"]["hop"]
        self.samples, self.gain, self.seed = data["cropSamples"], data["gain"], config["seed"]
        places = [(length - self.samples) // self.hop + 1 for length in clips.lengths]
        self.ends = numpy.cumsum(places)
        self.width = self.samples + 2 * clips.context

    def batch(self, draw: int, numbers: Sequence[int], count: int) -> tuple[Tensor, Tensor, Tensor, list[int]]:
        """Makes the crops `numbers` out of the `count` crops of a draw.

        @returns audio with context [B, T + 2·context], limits in Hz [B], shares of the range of levels [B], seeds of
        the noise [B]
        """
        device = self.clips.samples.device
        offset = self.random(draw, 2**31).random()
        starts, gains, limits, levels, seeds = [], [], [], [], []
        for number in numbers:
            random = self.random(draw, number)
            place = int(random.random() * self.ends[-1])
            clip = int(numpy.searchsorted(self.ends, place, side="right"))
            before = self.ends[clip - 1] if clip else 0
            starts.append(self.clips.starts[clip] + int(place - before) * self.hop)
            limits.append(self.clips.limits[clip])
            gains.append(10 ** (random.uniform(*self.gain) / 20))
            # Levels are spread evenly over the range, so that every batch has clean and noisy levels.
            levels.append((offset + number / count) % 1)
            seeds.append(int(random.integers(2**62)))
        index = torch.tensor(starts, device=device)[:, None] + torch.arange(self.width, device=device)
        audio = self.clips.samples[index].float() / 32768
        gain, limit, level = (torch.tensor(x, dtype=torch.float32, device=device) for x in (gains, limits, levels))
        return audio * gain[:, None], limit, level, seeds

    def random(self, draw: int, number: int) -> numpy.random.Generator:
        """Makes the random generator for one crop of a draw."""
        return numpy.random.Generator(numpy.random.Philox(key=self.seed, counter=[0, number, draw, 0]))

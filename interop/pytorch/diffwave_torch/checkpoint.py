"""Checkpoints of runs, which `diffwave train` reads, too. Mirrors src/training/run/checkpoint.ts."""

import json
import os
from typing import Any, TypedDict

import torch
from torch import Tensor

from .moments import moments_of, restore_moments
from .narrow import widen_moments
from .safetensors import CheckpointError, copy_parameters, part_of, read_safetensors, write_safetensors

FILE = "checkpoint.safetensors"


class Position(TypedDict, total=False):
    """How far a run is. `diffwave train` has the same fields, except for the last."""

    # Updates so far, and those of them that changed the weights: the others had no finite gradient.
    step: int
    optimiserStep: int
    # Seconds of training, and samples of all crops.
    seconds: float
    samplesSeen: int
    # Of `diffwave train`, which keeps the best weights.
    best: Any
    # Fingerprint of the recordings; config as JSON; its `model`.
    data: str
    config: str
    model: dict[str, Any]
    # Running mean of the adversarial stage.
    discriminatorLoss: float


# What `Position` must have in a checkpoint.
NEEDED: dict[str, Any] = {"step": int, "optimiserStep": int, "seconds": (int, float), "samplesSeen": int, "data": str}


def position_of(path: str, metadata: dict[str, str]) -> Position:
    """Reads the position from a checkpoint's metadata. @raises CheckpointError"""
    try:
        position = json.loads(metadata["position"])
        if all(isinstance(position[key], kind) for key, kind in NEEDED.items()):
            return position
    except (KeyError, TypeError, ValueError):
        pass
    raise CheckpointError(f"{path}: the checkpoint does not say its position")


class State:
    """The state of a run: the network's parameters by name, their average, and the optimiser."""

    def __init__(self, parameters: dict[str, Tensor], optimiser: torch.optim.Optimizer):
        self.parameters, self.optimiser = parameters, optimiser
        self.average = {name: value.detach().clone() for name, value in parameters.items()}

    def write(self, folder: str, position: Position) -> None:
        """Writes the checkpoint of a run folder. @raises OSError; the checkpoint before it then stays"""
        tensors = {f"weights/{name}": value for name, value in self.parameters.items()}
        tensors.update((f"average/{name}", value) for name, value in self.average.items())
        tensors.update(moments_of(self.optimiser, self.parameters))
        write_safetensors(os.path.join(folder, FILE), tensors, {"position": json.dumps(position, ensure_ascii=False)})

    def read(self, folder: str) -> Position:
        """Restores what `write` wrote, and returns the position. @raises CheckpointError, OSError"""
        path = os.path.join(folder, FILE)
        tensors, metadata = read_safetensors(path)
        position = position_of(path, metadata)
        copy_parameters(self.parameters, part_of(tensors, "weights/"), path)
        copy_parameters(self.average, part_of(tensors, "average/"), path)
        if position["optimiserStep"]:
            widen_moments(tensors, metadata)
            restore_moments(self.optimiser, self.parameters, tensors, position["optimiserStep"], path)
        return position

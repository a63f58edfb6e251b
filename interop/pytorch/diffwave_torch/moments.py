"""Adam's moments in files: the tensors `first/NAME` and `second/NAME` of the parameter NAME, as
src/training/run/checkpoint.ts has them."""

import torch
from torch import Tensor

from .safetensors import copy_parameters

FIRST, SECOND = "first/", "second/"


def moments_of(optimiser: torch.optim.Optimizer, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the moments of parameters by the names that they have in a file. A parameter has none before its first
    update."""
    tensors: dict[str, Tensor] = {}
    for name, value in parameters.items():
        state = optimiser.state.get(value)
        if state:
            tensors[f"{FIRST}{name}"], tensors[f"{SECOND}{name}"] = state["exp_avg"], state["exp_avg_sq"]
    return tensors


def restore_moments(
    optimiser: torch.optim.Optimizer,
    parameters: dict[str, Tensor],
    tensors: dict[str, Tensor],
    updates: int,
    path: str,
) -> None:
    """Gives an optimiser the moments of a file.

    @param tensors: those of the file; other tensors than moments are ignored
    @param updates: number of updates that the optimiser had made
    @param path: the file, for errors
    @raises CheckpointError if a moment is missing, unknown or of another shape than its parameter
    """
    moments = {f"{part}{name}": torch.zeros_like(p) for name, p in parameters.items() for part in (FIRST, SECOND)}
    found = {name: value for name, value in tensors.items() if name.startswith((FIRST, SECOND))}
    copy_parameters(moments, found, path)
    for name, value in parameters.items():
        optimiser.state[value] = {
            "step": torch.tensor(float(updates), device=value.device),
            "exp_avg": moments[f"{FIRST}{name}"],
            "exp_avg_sq": moments[f"{SECOND}{name}"],
        }

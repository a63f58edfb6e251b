"""Checkpoints as float16, half as large: python -m diffwave_torch.narrow RUN SMALL

SMALL gets the checkpoint and the model of the run folder RUN as float16. A run continued from the small checkpoint goes
on almost alike: moments of Adam hardly notice, and weights are those of the average.
"""

import os
import shutil
import sys

import torch
from torch import Tensor

from .errors import InputError, one_line
from .moments import SECOND
from .safetensors import CheckpointError, read_safetensors, write_safetensors

# Second moments lie below float16's range: small checkpoints contain their roots times this factor.
ROOT_SCALE = 1e3


def narrow(tensors: dict[str, Tensor], metadata: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Converts the tensors of a checkpoint to float16, and marks its metadata. @raises CheckpointError if a number is
    too large"""
    if "narrow" in metadata:
        return {name: value.half() for name, value in tensors.items()}, metadata
    small = {}
    for name, value in tensors.items():
        small[name] = (value.sqrt() * ROOT_SCALE if name.startswith(SECOND) else value).half()
        if not torch.isfinite(small[name]).all():
            raise CheckpointError(f"{name} holds a number too large for float16")
    return small, {**metadata, "narrow": f"float16; of second moments {ROOT_SCALE:g} times the root"}


def widen_moments(tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Turns the second moments of a checkpoint back into what they were before `narrow`, in place."""
    if "narrow" in metadata:
        for name, value in tensors.items():
            if name.startswith(SECOND):
                value.div_(ROOT_SCALE).square_()


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: python -m diffwave_torch.narrow RUN SMALL")
    run, small = sys.argv[1:]
    try:
        os.makedirs(small, exist_ok=True)
        checkpoint = narrow(*read_safetensors(os.path.join(run, "checkpoint.safetensors")))
        write_safetensors(os.path.join(small, "checkpoint.safetensors"), *checkpoint)
        weights, metadata = read_safetensors(os.path.join(run, "model", "weights.safetensors"))
        halves = {name: value.half() for name, value in weights.items()}
        write_safetensors(os.path.join(small, "weights.safetensors"), halves, metadata)
        shutil.copy(os.path.join(run, "model", "config.json"), small)
    except (InputError, OSError) as error:
        sys.exit(one_line(error))


if __name__ == "__main__":
    main()

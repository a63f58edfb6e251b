"""Compiles the residual stack with torch.compile, where the machine can."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .errors import first_line
from .network import Network


def compile_stack(network: Network, config: dict[str, Any], precision: str, on_note: Callable[[str], None]) -> None:
    """Compiles the residual stack for the batches of a `train.json`, and tries it forward and backward. The Fourier
    transforms are not compiled.

    Compilation needs a C++ compiler and, on a GPU, Triton, and a version of PyTorch that knows this Python. Where it
    fails, the network trains as it is.

    @param on_note called with one line if it fails
    """
    device = next(network.parameters()).device
    data, model = config["data"], config["model"]
    clips, positions = data["batch"], data["cropSamples"] // network.front_end.stride
    mel = model["mel"]
    # A crop has one frame more than hops: its mel reaches half a window beyond either end.
    frames = data["cropSamples"] // mel["hop"] + 1
    inputs = torch.zeros(clips, network.input_projection.in_channels, positions, device=device)
    sinusoids = torch.zeros(clips, network.config["stepEmbedding"]["size"], device=device)
    mels = torch.zeros(clips, mel["bands"], frames, device=device)
    try:
        compiled: Callable[..., Tensor] = torch.compile(network.stack)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            outputs = compiled(inputs, sinusoids, mels, None)
        outputs.float().square().mean().backward()
        network.compiled = compiled
    except torch.cuda.OutOfMemoryError:
        raise
    # Compilers fail in many ways, each with an error of its own.
    except Exception as error:
        on_note(f"--compile: torch.compile fails here, training continues without it: {first_line(error)}")
    network.zero_grad(set_to_none=True)

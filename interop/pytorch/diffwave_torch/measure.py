"""One function of a network at a time, for the bench and the tests: python -m diffwave_torch.measure CONFIG [WEIGHTS]

CONFIG: a model's `network` as JSON. WEIGHTS: safetensors, the parameters by name; random ones without it. --batch:
safetensors with audio [clips, samples], target, sinusoids [clips, size], mel [clips, bands, frames], labels [clips];
random without it. --compile: through torch.compile, which needs PyTorch 2.2 and a C++ compiler. Prints {"seconds":
[...], "loss": ...} as JSON. --serve: instead reads lines {"mode": "noise" | "synthesis" | "train", "output": path} and
answers each with {"seconds": s}; a synthesis takes steps [n, size], factors [n, 3] (of x, ε and noise) and draws [n,
samples] from the batch.
"""

import argparse
import json
import math
import sys
import time
from typing import Any

import torch
from torch import Tensor

from .errors import InputError, one_line
from .fields import read_json
from .model_config import mel_hop
from .network import Network
from .option_types import whole
from .safetensors import copy_parameters, read_safetensors, write_safetensors

Batch = dict[str, Tensor]
# Seconds, arrays by name, and the loss.
Measured = tuple[float, dict[str, Tensor], float | None]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="diffwave_torch.measure", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("config")
    parser.add_argument("weights", nargs="?")
    parser.add_argument("--mode", choices=["train", "noise"], default="train")
    parser.add_argument("--threads", type=whole(1), default=2)
    parser.add_argument("--repeat", type=whole(1), default=3)
    parser.add_argument("--batch")
    parser.add_argument("--clips", type=whole(1), default=4)
    parser.add_argument("--samples", type=whole(1), default=15872)
    parser.add_argument("--loss", choices=["l1", "l2"], default="l1")
    parser.add_argument("--output")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def network_of(config: dict[str, Any], weights: str | None) -> Network:
    """Makes a network with the weights of a file, or with random ones."""
    network = Network(config)
    if weights:
        copy_parameters(dict(network.named_parameters()), read_safetensors(weights)[0], weights)
    else:
        # The last layer starts as zero, which would leave most gradients zero.
        torch.nn.init.normal_(network.output_projection.weight, std=1 / math.sqrt(network.config["channels"]))
    return network


def read_batch(path: str) -> Batch:
    batch = read_safetensors(path)[0]
    if "labels" in batch:
        batch["labels"] = batch["labels"].long()
    return batch


def random_batch(network: dict[str, Any], clips: int, samples: int) -> Batch:
    """Makes a batch for a network of a config with all defaults."""
    batch = {
        "audio": torch.randn(clips, samples),
        "target": torch.randn(clips, samples),
        "sinusoids": torch.randn(clips, network["stepEmbedding"]["size"]),
    }
    mel = network["mel"]
    if mel:
        batch["mel"] = torch.randn(clips, mel["bands"], math.ceil(samples / mel_hop(mel)))
    if network["labels"]:
        batch["labels"] = torch.zeros(clips, dtype=torch.long)
    return batch


def predict(network: Network, batch: Batch) -> dict[str, Tensor]:
    with torch.no_grad():
        return {"noise": network(batch["audio"], batch["sinusoids"], batch.get("mel"), batch.get("labels"))}


def synthesize(network: Network, batch: Batch) -> dict[str, Tensor]:
    """Makes one clip in the steps of the batch."""
    conditioning, draws = (batch.get("mel"), batch.get("labels")), batch["draws"]
    x = draws[:1]
    with torch.no_grad():
        for n in range(len(batch["steps"])):
            noise = network(x, batch["steps"][n : n + 1], *conditioning)
            of_x, of_noise, of_draw = batch["factors"][n].tolist()
            x = of_x * x + of_noise * noise
            if n + 1 < len(batch["steps"]):
                x += of_draw * draws[n + 1 : n + 2]
            x = x.clamp(-1, 1)
    return {"samples": x}


def gradients(network: Network, batch: Batch, loss: str) -> tuple[dict[str, Tensor], float]:
    """Computes the gradients of a loss, by name, and the loss."""
    network.zero_grad(set_to_none=True)
    made = network(batch["audio"], batch["sinusoids"], batch.get("mel"), batch.get("labels"))
    error = made - batch["target"]
    mean = error.abs().mean() if loss == "l1" else error.square().mean()
    mean.backward()
    return {name: value.grad for name, value in network.named_parameters() if value.grad is not None}, mean.item()


def once(network: Network, batch: Batch, mode: str, loss: str) -> Measured:
    """Runs a mode once."""
    start = time.perf_counter()
    found = None
    if mode == "noise":
        outputs = predict(network, batch)
    elif mode == "synthesis":
        outputs = synthesize(network, batch)
    else:
        outputs, found = gradients(network, batch, loss)
    return time.perf_counter() - start, outputs, found


def serve(network: Network, batch: Batch, loss: str) -> None:
    """Answers requests of the standard input."""
    for line in sys.stdin:
        request = json.loads(line)
        seconds, outputs, found = once(network, batch, request["mode"], loss)
        write_safetensors(request["output"], outputs)
        print(json.dumps({"seconds": seconds, "loss": found}), flush=True)


def measure(options: argparse.Namespace) -> None:
    """Does what the options say. @raises InputError, OSError"""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = network_of(read_json(options.config), options.weights)
    if options.batch:
        batch = read_batch(options.batch)
    else:
        batch = random_batch(network.config, options.clips, options.samples)
    if options.compile:
        network.compile()
    if options.serve:
        serve(network, batch, options.loss)
        return
    runs = [once(network, batch, options.mode, options.loss) for _ in range(options.repeat)]
    _, outputs, loss = runs[-1]
    if options.output:
        write_safetensors(options.output, outputs)
    seconds = [taken for taken, _, _ in runs]
    print(json.dumps({"seconds": seconds, "loss": loss, "threads": options.threads, "torch": torch.__version__}))


def main() -> None:
    try:
        measure(arguments())
    except (InputError, OSError) as error:
        sys.exit(one_line(error))


if __name__ == "__main__":
    main()

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

import torch

from .checkpoint import copy_parameters, read_safetensors, write_safetensors
from .network import Network
from .option_types import whole


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("weights", nargs="?")
    parser.add_argument("--mode", choices=["train", "noise"], default="train")
    parser.add_argument("--threads", type=whole(1), default=2)
    parser.add_argument("--repeat", type=whole(1), default=3)
    parser.add_argument("--batch")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--samples", type=int, default=15872)
    parser.add_argument("--loss", choices=["l1", "l2"], default="l1")
    parser.add_argument("--output")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with open(options.config) as file:
        config = json.load(file)
    network = Network(config)
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        # The last layer starts as zero, which would leave most gradients zero.
        network.output_projection.weight.normal_(std=1 / math.sqrt(config["channels"]))
    if options.weights:
        copy_parameters(parameters, read_safetensors(options.weights)[0], options.weights)
    mel_config = network.config["mel"]
    if options.batch:
        batch = read_safetensors(options.batch)[0]
        if "labels" in batch:
            batch["labels"] = batch["labels"].long()
    else:
        batch = {
            "audio": torch.randn(options.clips, options.samples),
            "target": torch.randn(options.clips, options.samples),
            "sinusoids": torch.randn(options.clips, network.config["stepEmbedding"]["size"]),
        }
        if mel_config:
            hop = mel_config["hop"] if mel_config["kind"] == "frame-rate" else math.prod(mel_config["strides"])
            batch["mel"] = torch.randn(options.clips, mel_config["bands"], -(-options.samples // hop))
        if config.get("labels"):
            batch["labels"] = torch.zeros(options.clips, dtype=torch.long)
    if options.compile:
        network.compile()
    if options.serve:
        return serve(network, batch, options.loss)
    seconds, outputs, loss = [], {}, None
    for _ in range(options.repeat):
        taken, outputs, loss = once(network, batch, options.mode, options.loss)
        seconds.append(taken)
    if options.output:
        write_safetensors(options.output, outputs)
    print(json.dumps({"seconds": seconds, "loss": loss, "threads": options.threads, "torch": torch.__version__}))


def once(network, batch, mode, kind):
    """Runs a mode once: seconds, arrays by name, loss."""
    conditioning = (batch.get("mel"), batch.get("labels"))
    start = time.perf_counter()
    if mode == "noise":
        with torch.no_grad():
            noise = network(batch["audio"], batch["sinusoids"], *conditioning)
        return time.perf_counter() - start, {"noise": noise}, None
    if mode == "synthesis":
        x = batch["draws"][:1]
        with torch.no_grad():
            for n in range(len(batch["steps"])):
                noise = network(x, batch["steps"][n : n + 1], *conditioning)
                of_x, of_noise, of_draw = batch["factors"][n].tolist()
                x = of_x * x + of_noise * noise
                if n + 1 < len(batch["steps"]):
                    x += of_draw * batch["draws"][n + 1 : n + 2]
                x = x.clamp(-1, 1)
        return time.perf_counter() - start, {"samples": x}, None
    network.zero_grad(set_to_none=True)
    error = network(batch["audio"], batch["sinusoids"], *conditioning) - batch["target"]
    mean = error.abs().mean() if kind == "l1" else (error * error).mean()
    mean.backward()
    loss = mean.item()
    seconds = time.perf_counter() - start
    return seconds, {name: value.grad for name, value in network.named_parameters()}, loss


def serve(network, batch, kind):
    for line in sys.stdin:
        request = json.loads(line)
        seconds, outputs, loss = once(network, batch, request["mode"], kind)
        write_safetensors(request["output"], outputs)
        print(json.dumps({"seconds": seconds, "loss": loss}), flush=True)


if __name__ == "__main__":
    main()

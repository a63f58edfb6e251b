"""The same network in PyTorch, this project's own module, for the bench to time and to compare with.

usage: pytorch_network.py config.json weights.npz --mode train|noise [--threads 2] [--repeat 3] [--batch batch.npz]
           [--clips 4 --samples 15872] [--loss l1] [--output out.npz] [--serve]

config.json: a NetworkConfig with its defaults filled in (src/model/config.ts). weights.npz: the parameters by their names
(src/model/parameters.ts); without it random ones. batch.npz: audio [clips, samples], target, sinusoids [clips, size],
mel [clips, bands, frames], labels [clips]; random where it is not given. Prints {"seconds": [...], "loss": ...} as JSON.
--serve: instead reads lines {"mode": "noise" | "synthesis" | "train", "output": path} and answers each with
{"seconds": s}; a synthesis takes steps [n, size], factors [n, 3] (of x, ε and noise) and draws [n, samples] from the batch.
Covered: both conditioners, patch, gate order, residual variants, labels. Sinusoids come in, as in the native engine.
"""
import argparse
import json
import math
import sys
import time

import numpy
import torch
import torch.nn.functional as F


class Network(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        channels, layers, mel = config["channels"], config["layers"], config["mel"]
        step = config["stepEmbedding"]
        shapes = {}

        def conv(name, out, inputs, kernel):
            shapes[name + ".weight"], shapes[name + ".bias"] = (out, inputs, kernel), (out,)

        def linear(name, out, inputs):
            shapes[name + ".weight"], shapes[name + ".bias"] = (out, inputs), (out,)

        def upsampler(name):
            for i, stride in enumerate(mel["strides"]):
                kernel = 2 * stride if stride % 2 == 0 else 2 * stride + 1
                shapes[f"{name}.conv{i + 1}.weight"] = (1, 1, 3, kernel)
                shapes[f"{name}.conv{i + 1}.bias"] = (1,)

        conv("input_projection", channels, config["patch"], 1)
        linear("diffusion_embedding.projection1", step["hidden"], step["size"])
        linear("diffusion_embedding.projection2", step["hidden"], step["hidden"])
        if config["labels"]:
            shapes["label_embedding.weight"] = (len(config["labels"]) + 1, step["hidden"])
        width = mel["bands"] if mel else 0
        if mel and mel["kind"] == "transposed" and mel["sharing"] == "shared":
            upsampler("spectrogram_upsampler")
        if mel and mel["kind"] == "frame-rate":
            for i, out in enumerate(mel["encoder"]):
                conv(f"spectrogram_encoder.{i}", out, width, 3)
                width = out
        for i in range(layers):
            layer = f"residual_layers.{i}"
            conv(f"{layer}.dilated_conv", 2 * channels, channels, 3)
            linear(f"{layer}.diffusion_projection", channels, step["hidden"])
            if mel:
                if mel["kind"] == "transposed" and mel["sharing"] == "per-layer":
                    upsampler(f"{layer}.spectrogram_upsampler")
                conv(f"{layer}.conditioner_projection", 2 * channels, width, 1)
            conv(f"{layer}.output_projection", 2 * channels, channels, 1)
        conv("skip_projection", channels, channels, 1)
        conv("output_projection", config["patch"], channels, 1)
        self.names = list(shapes)
        self.values = torch.nn.ParameterList(
            torch.nn.Parameter(torch.randn(shape) / math.sqrt(max(1, math.prod(shape[1:])))) for shape in shapes.values()
        )

    def load(self, tensors):
        with torch.no_grad():
            for name, value in zip(self.names, self.values):
                value.copy_(torch.from_numpy(tensors[name]))

    def upsample(self, w, name, mel):
        x = mel.unsqueeze(1)
        for i, stride in enumerate(self.config["mel"]["strides"]):
            padding = stride // 2 if stride % 2 == 0 else (stride + 1) // 2
            weight, bias = w[f"{name}.conv{i + 1}.weight"], w[f"{name}.conv{i + 1}.bias"]
            x = F.leaky_relu(F.conv_transpose2d(x, weight, bias, stride=(1, stride), padding=(1, padding)), 0.4)
        return x.squeeze(1)

    def interpolate(self, projected, positions):
        """[clips, width, frames] to positions: frame f at sample f·hop, held after the last."""
        hop, patch, frames = self.config["mel"]["hop"], self.config["patch"], projected.shape[2]
        per_frame = hop // patch
        count = min(frames, -(-positions // per_frame))
        following = torch.cat([projected[:, :, 1:], projected[:, :, -1:]], 2)[:, :, :count]
        fraction = torch.arange(per_frame, dtype=torch.float32) / per_frame
        low = projected[:, :, :count].unsqueeze(3)
        both = low + (following.unsqueeze(3) - low) * fraction
        return both.reshape(projected.shape[0], projected.shape[1], -1)[:, :, :positions]

    def forward(self, audio, sinusoids, mel=None, labels=None):
        config, w = self.config, dict(zip(self.names, self.values))
        channels, patch, layers = config["channels"], config["patch"], config["layers"]
        conv = lambda name, x, **more: F.conv1d(x, w[name + ".weight"], w[name + ".bias"], **more)
        linear = lambda name, x: F.linear(x, w[name + ".weight"], w[name + ".bias"])

        step = F.silu(linear("diffusion_embedding.projection1", sinusoids))
        step = F.silu(linear("diffusion_embedding.projection2", step))
        if labels is not None:
            step = step + w["label_embedding.weight"][labels]
        x = audio.unsqueeze(1) if patch == 1 else audio.reshape(audio.shape[0], -1, patch).transpose(1, 2)
        positions = x.shape[2]
        x = F.relu(conv("input_projection", x))
        kind = config["mel"]["kind"] if config["mel"] else None
        shared = kind == "transposed" and config["mel"]["sharing"] == "shared"
        if shared:
            mel = self.upsample(w, "spectrogram_upsampler", mel)[:, :, : positions * patch : patch]
        if kind == "frame-rate":
            for i in range(len(config["mel"]["encoder"])):
                mel = F.leaky_relu(conv(f"spectrogram_encoder.{i}", mel, padding=1), 0.4)
        skips = 0
        for i in range(layers):
            layer = f"residual_layers.{i}"
            dilation = 2 ** (i % config["dilationCycle"])
            y = x + linear(f"{layer}.diffusion_projection", step).unsqueeze(2)
            total = conv(f"{layer}.dilated_conv", y, padding=dilation, dilation=dilation)
            if kind == "frame-rate":
                total = total + self.interpolate(conv(f"{layer}.conditioner_projection", mel), positions)
            elif kind == "transposed":
                up = mel
                if not shared:
                    up = self.upsample(w, f"{layer}.spectrogram_upsampler", mel)[:, :, : positions * patch : patch]
                total = total + conv(f"{layer}.conditioner_projection", up)
            first, second = total.chunk(2, 1)
            if config["gate"] == "tanh-sigmoid":
                first, second = second, first
            out = conv(f"{layer}.output_projection", torch.sigmoid(first) * torch.tanh(second))
            residual, skip = out.chunk(2, 1)
            x = ((x if config["residual"] == "before-step" else y) + residual) / math.sqrt(2)
            skips = skips + skip
        x = F.relu(conv("skip_projection", skips / math.sqrt(layers)))
        x = conv("output_projection", x)
        return x.transpose(1, 2).reshape(audio.shape[0], -1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("weights", nargs="?")
    parser.add_argument("--mode", choices=["train", "noise"], default="train")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--batch")
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--samples", type=int, default=15872)
    parser.add_argument("--loss", choices=["l1", "l2"], default="l1")
    parser.add_argument("--output")
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with open(options.config) as file:
        config = json.load(file)
    network = Network(config)
    if options.weights:
        network.load(numpy.load(options.weights))
    mel_config = config["mel"]
    if options.batch:
        batch = {name: torch.from_numpy(value) for name, value in numpy.load(options.batch).items()}
    else:
        batch = {
            "audio": torch.randn(options.clips, options.samples),
            "target": torch.randn(options.clips, options.samples),
            "sinusoids": torch.randn(options.clips, config["stepEmbedding"]["size"]),
        }
        if mel_config:
            hop = mel_config["hop"] if mel_config["kind"] == "frame-rate" else math.prod(mel_config["strides"])
            batch["mel"] = torch.randn(options.clips, mel_config["bands"], -(-options.samples // hop))
        if config["labels"]:
            batch["labels"] = torch.zeros(options.clips, dtype=torch.long)
    if options.serve:
        return serve(network, batch, options.loss)
    seconds, outputs, loss = [], {}, None
    for _ in range(options.repeat):
        taken, outputs, loss = once(network, batch, options.mode, options.loss)
        seconds.append(taken)
    if options.output:
        numpy.savez(options.output, **outputs)
    print(json.dumps({"seconds": seconds, "loss": loss, "threads": options.threads, "torch": torch.__version__}))


def once(network, batch, mode, kind):
    """Runs a mode once: seconds, arrays by name, loss."""
    conditioning = (batch.get("mel"), batch.get("labels"))
    start = time.perf_counter()
    if mode == "noise":
        with torch.no_grad():
            noise = network(batch["audio"], batch["sinusoids"], *conditioning)
        return time.perf_counter() - start, {"noise": noise.numpy()}, None
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
        return time.perf_counter() - start, {"samples": x.numpy()}, None
    for value in network.values:
        value.grad = None
    error = network(batch["audio"], batch["sinusoids"], *conditioning) - batch["target"]
    mean = error.abs().mean() if kind == "l1" else (error * error).mean()
    mean.backward()
    loss = mean.item()
    seconds = time.perf_counter() - start
    return seconds, {name: value.grad.numpy() for name, value in zip(network.names, network.values)}, loss


def serve(network, batch, kind):
    for line in sys.stdin:
        request = json.loads(line)
        seconds, outputs, loss = once(network, batch, request["mode"], kind)
        numpy.savez(request["output"], **outputs)
        print(json.dumps({"seconds": seconds, "loss": loss}), flush=True)


main()

"""Trains a vocoder: python -m diffwave_torch.train train.json --data DIR... --out RUN [--resume] [--minutes N]

RUN gets checkpoint.safetensors (resumable, also after a kill), model/ (the average of weights) and metrics.jsonl. Under
torchrun, every process trains on its own share of a batch as many times larger, and gradients are averaged. See
README.md.
"""

import argparse
import contextlib
import json
import math
import os
import signal
import sys
import time

import torch
import torch.distributed as distributed

from .checkpoint import FILE, CheckpointError, State, read_safetensors, copy_parameters, write_model
from .config import training_config
from .data import Crops, Dataset, white_noise
from .diffusion import Schedule, denoise, diffuse, even_levels, predict_clean
from .errors import InputError, one_line
from .fields import ConfigError
from .loss import Objective
from .metrics import append_metrics, cut_metrics
from .network import Network
from .optimiser import adam, learning_rate, update_average
from .option_types import above_zero, whole
from .polarity import normalise_polarity
from .pulses import PulseWorkers, crop_pulses
from .recordings import DataError

# Number of updates in a row without a finite gradient that ends the run.
MAX_BROKEN_STEPS = 5
# Draw of validation noise, which is always the same, and number of validation crops.
VALIDATION_DRAW, VALIDATION_CROPS = 2**40, 32


def arguments(program, text):
    parser = argparse.ArgumentParser(prog=program, description=text.splitlines()[0])
    parser.add_argument("config", help="train.json")
    parser.add_argument("--data", nargs="+", required=True, help="folders of recordings")
    parser.add_argument("--out", required=True, help="run folder")
    parser.add_argument(
        "--resume", action="store_true", help="continue from the run folder's checkpoint, if it has one"
    )
    parser.add_argument("--new-data", action="store_true", help="resume even if the recordings have changed")
    parser.add_argument("--from", dest="start", help="model folder whose weights to start from")
    parser.add_argument("--minutes", type=above_zero, default=math.inf, help="stop after so many minutes")
    parser.add_argument(
        "--decay-minutes", type=float, default=0, help="lower the learning rate over the last of --minutes (default: 0)"
    )
    parser.add_argument("--max-steps", type=whole(1), default=None, help="stop at this update")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument("--threads", type=whole(1), default=None, help="CPU threads per process")
    parser.add_argument(
        "--workers",
        type=whole(0),
        default=None,
        help="processes that find pulses ahead (default: 0 on a CPU; with a GPU one less than there are CPU cores)",
    )
    parser.add_argument("--precision", choices=["bf16", "float32"], default="bf16", help="of the residual stack")
    parser.add_argument("--compile", action="store_true", help="compile the network with torch.compile")
    return parser.parse_args()


class Processes:
    """This process among those that torchrun started; alone without it."""

    def __init__(self, device):
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        self.device = torch.device(device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise ConfigError(f"--device {device}: PyTorch finds no CUDA device")
        if self.count > 1:
            if self.device.type == "cuda":
                self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
                torch.cuda.set_device(self.device)
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    def wrap(self, network):
        if self.count == 1:
            return network
        devices = [self.device.index] if self.device.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(network, device_ids=devices)

    def mean(self, value):
        """Computes the mean of a tensor over all processes."""
        if self.count > 1:
            distributed.all_reduce(value)
            value /= self.count
        return value

    def any(self, flag):
        """Whether a flag is set in any process."""
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def average_gradients(self, parameters):
        """Averages each gradient over all processes, in place."""
        if self.count > 1:
            for parameter in parameters:
                self.mean(parameter.grad)

    def numbers(self, batch):
        """Returns the numbers of this process's crops, if each process has `batch` crops."""
        return range(self.rank * batch, (self.rank + 1) * batch)

    def close(self):
        if self.count > 1:
            distributed.destroy_process_group()


class Trainer:
    """The part of a run that one process does."""

    def __init__(self, config, options, processes):
        self.config, self.options, self.processes = config, options, processes
        model, device = config["model"], processes.device
        torch.manual_seed(config["seed"])
        self.network = Network.of_model(model).to(device)
        self.parameters = dict(self.network.named_parameters())
        self.state = State(self.parameters, adam(self.network.parameters(), config["optimiser"]))
        self.context = self.network.context
        self.schedule = Schedule(model["diffusion"]["training"], device)
        self.noise_scale = model["diffusion"].get("noiseScale", 1)
        self.objective = Objective(config).to(device)
        dataset = Dataset(options.data, config, self.context)
        if config["pulses"] != "free":
            normalise_polarity(dataset, config, self.context)
        parts = [part for part in (dataset.training, dataset.validation) if part.lengths]
        self.crops, *held_back = (Crops(part.to(device), config, self.context) for part in parts)
        self.held_back = held_back[0] if held_back else None
        self.position = self.start(dataset)
        self.workers = None
        if self.has_pulses() and self.worker_count() > 0:
            path = os.path.join(options.out, f"recordings-{processes.rank}")
            self.workers = PulseWorkers(config, parts, self.context, self.worker_count(), path)
        if options.compile:
            # The Fourier transforms are not compiled. Code that cannot be compiled runs as it is.
            torch._dynamo.config.suppress_errors = True
            self.network.stack = torch.compile(self.network.stack)
        self.running = processes.wrap(self.network)
        self.broken, self.begun = 0, time.time()
        if processes.rank == 0:
            for note in dataset.notes:
                print(note, flush=True)
            count = sum(value.numel() for value in self.parameters.values())
            print(
                f"{len(dataset.training.lengths)} clips, {dataset.hours:.2f} hours, {len(dataset.left_out)} left out; "
                f"{count} parameters; step {self.position['step']}",
                flush=True,
            )

    def close(self):
        if self.workers is not None:
            self.workers.close()

    def start(self, dataset):
        """Returns the position to start from: that of the checkpoint, or 0."""
        options, identity = self.options, json.dumps(self.config)
        os.makedirs(options.out, exist_ok=True)
        if os.path.exists(os.path.join(options.out, FILE)):
            if not options.resume:
                raise ConfigError(f"{options.out}: the folder already holds a checkpoint; continue it with --resume")
            position = self.state.read(options.out)
            if position["data"] != dataset.fingerprint and not options.new_data:
                raise DataError(
                    f"{options.out}: the recordings are not those this run was started with; --new-data allows it"
                )
            if self.processes.rank == 0:
                cut_metrics(options.out, position["step"])
            return {**position, "data": dataset.fingerprint, "config": identity, "model": self.config["model"]}
        if options.start:
            path = os.path.join(options.start, "weights.safetensors")
            tensors = read_safetensors(path)[0]
            copy_parameters(self.parameters, tensors, path)
            copy_parameters(self.state.average, tensors, path)
        return {
            "step": 0,
            "optimiserStep": 0,
            "seconds": 0,
            "samplesSeen": 0,
            "best": None,
            "data": dataset.fingerprint,
            "config": identity,
            "model": self.config["model"],
        }

    def has_pulses(self):
        """Whether crops start from pulses. With pulses elsewhere than the recording's, a network of noised recordings
        would learn to remove them."""
        if self.network.harmonics is None:
            return False
        return self.config["pulses"] != "free" or self.config["noiseLevels"]["kind"] == "own"

    def worker_count(self):
        """Returns the number of processes that find pulses. With a GPU it is at least one, since pulses are found on
        the CPU."""
        is_cpu = self.processes.device.type == "cpu"
        count = self.options.workers
        if count is None:
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            count = 0 if is_cpu else cores // self.processes.local - 1
        return max(0 if is_cpu else 1, count)

    def pulses(self, crops, draw, numbers, count, clean, mel, deviations):
        """Returns the `CropPulses` of a draw's crops; None if they start from noise alone."""
        if not self.has_pulses():
            return None
        if self.workers is None:
            return crop_pulses(self.network, self.config["pulses"], clean, mel, deviations, numbers)
        find = self.workers.training if crops is self.crops else self.workers.validation
        return find(draw, numbers, count, clean.device)

    def drawn(self, crops, draw, numbers, count):
        """Makes a draw's crops. Returns x_0 and noise of the prior [B, T], mel, deviations, limits in Hz, shares of the
        range of levels, and where the pulses are those of the recording [B, P], None if nowhere."""
        audio, limits, shares, seeds = crops.batch(draw, numbers, count)
        with torch.no_grad():
            clean, mel, deviations = self.network.conditioned(audio)
            white = white_noise(seeds, clean.shape[1], clean.device)
            pulses = self.pulses(crops, draw, numbers, count, clean, mel, deviations)
            noise = self.network.shape_noise(white, deviations, pulses and pulses.excitation)
        return clean, noise, mel, deviations, limits, shares, pulses and pulses.known

    def own_steps(self, network, noise, mel, deviations, count=None):
        """Makes the audio of each of the network's own steps, starting from noise: a list of [B, T]. Gradients do not
        flow from one step into the one before. `count`: number of steps, by default the config's."""
        steps = even_levels(self.schedule, count or self.config["noiseLevels"]["steps"])
        return denoise(network, self.schedule, noise, steps, mel, deviations, self.noise_scale, separate=True)

    def losses(self, network, crops, draw, numbers, count):
        """Computes the loss of each clip, and its main part: two tensors [B]."""
        clean, noise, mel, deviations, limits, shares, known = self.drawn(crops, draw, numbers, count)
        levels, bf16 = self.config["noiseLevels"], self.options.precision == "bf16"
        with torch.autocast(clean.device.type, torch.bfloat16, enabled=bf16):
            if levels["kind"] == "own":
                made = self.own_steps(network, noise, mel, deviations)
                return self.objective.of_own_steps(made, clean, limits, levels["weights"], known)
            steps = shares * (self.schedule.steps - 1)
            alpha_bar = self.schedule.alpha_bar(steps)
            predicted = predict_clean(network, diffuse(clean, noise, alpha_bar), steps, mel, deviations)
        return self.objective(predicted, clean, limits, alpha_bar)

    def update(self):
        """Does one update. Returns loss, main part and gradient norm, means over this process's clips, [3]."""
        data, step = self.config["data"], self.position["step"]
        accumulation, count = data["accumulation"], data["batch"] * self.processes.count
        adam_, sums = self.state.optimiser, 0
        adam_.zero_grad(set_to_none=True)
        for part in range(accumulation):
            waits = self.processes.count > 1 and part + 1 < accumulation
            with self.running.no_sync() if waits else contextlib.nullcontext():
                numbers = self.processes.numbers(data["batch"])
                loss, main = self.losses(self.running, self.crops, step * accumulation + part, numbers, count)
                (loss.mean() / accumulation).backward()
            sums = sums + torch.stack([loss.mean(), main.mean()]).detach() / accumulation
        norm = self.apply()
        return torch.cat([sums, norm.detach()[None]])

    def learning_rate(self):
        """Computes the learning rate of the next update: the config's, and with --decay-minutes half a cosine down to
        `finalFactor` at the end of --minutes."""
        return learning_rate(self.config["optimiser"], self.position["step"]) * self.decay()

    def decay(self):
        """Computes the factor of the learning rate that --decay-minutes asks for, from 1 down to `finalFactor`."""
        decay, final = self.options.decay_minutes, self.config["optimiser"]["finalFactor"]
        if not decay or math.isinf(self.options.minutes):
            return 1
        left = (self.options.minutes - (time.time() - self.begun) / 60) / decay
        return final + (1 - final) * (1 - math.cos(math.pi * min(1, max(0, left)))) / 2

    def apply(self):
        """Clips the gradients and updates the weights, unless a gradient is not finite. Increments the position.
        Returns the gradients' norm."""
        optimiser, position = self.config["optimiser"], self.position
        bound = optimiser["clipNorm"] if optimiser["clipNorm"] is not None else math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), bound)
        if torch.isfinite(norm):
            self.broken = 0
            for group in self.state.optimiser.param_groups:
                group["lr"] = self.learning_rate()
            self.state.optimiser.step()
            average, weights = list(self.state.average.values()), [value.detach() for value in self.parameters.values()]
            update_average(average, weights, optimiser["averageDecay"], position["optimiserStep"])
            position["optimiserStep"] += 1
        else:
            self.broken += 1
            if self.broken >= MAX_BROKEN_STEPS:
                raise CheckpointError(
                    f"{self.broken} updates in a row had no finite gradient; the checkpoint before them is kept"
                )
        position["step"] += 1
        data = self.config["data"]
        position["samplesSeen"] += data["batch"] * data["accumulation"] * data["cropSamples"] * self.processes.count
        return norm

    @torch.no_grad()
    def validate(self):
        """Computes the main loss of the average of the weights, on crops and noise that are always the same."""
        if self.held_back is None:
            return None
        weights = {name: value.detach().clone() for name, value in self.parameters.items()}
        copy_parameters(self.parameters, self.state.average, "average")
        batch, values = min(8, VALIDATION_CROPS), []
        for first in range(0, VALIDATION_CROPS, batch):
            numbers = range(first, first + batch)
            values.append(self.losses(self.network, self.held_back, VALIDATION_DRAW, numbers, VALIDATION_CROPS)[1])
        copy_parameters(self.parameters, weights, "weights")
        return torch.cat(values).mean().item()

    def save(self):
        self.state.write(self.options.out, self.position)
        provenance = {
            "trainedWith": "diffwave_torch.train",
            "steps": self.position["step"],
            "hours": round(self.position["seconds"] / 3600, 2),
            "samplesSeen": self.position["samplesSeen"],
            "dataFingerprint": self.position["data"],
        }
        write_model(os.path.join(self.options.out, "model"), self.config["model"], self.state.average, provenance)

    def log(self, line):
        print(append_metrics(self.options.out, line), flush=True)

    def run(self, stopping):
        """Updates the weights until the config's last step, --max-steps, the end of --minutes, or a signal."""
        every, first = self.config["every"], self.processes.rank == 0
        total = min(self.options.max_steps or math.inf, self.config["optimiser"]["totalSteps"])
        before, logged, seen, sums = self.position["seconds"], time.time(), 0, []
        while self.position["step"] < total:
            late = bool(stopping) or time.time() - self.begun > self.options.minutes * 60
            if self.processes.any(late):
                break
            sums.append(self.update())
            step = self.position["step"]
            self.position["seconds"] = before + time.time() - self.begun
            if step % every["log"] == 0:
                loss, main, norm = self.processes.mean(torch.stack(sums).mean(0)).tolist()
                rate = (self.position["samplesSeen"] - seen) / (time.time() - logged) if seen else 0
                logged, seen, sums = time.time(), self.position["samplesSeen"], []
                if first:
                    self.log(
                        {
                            "step": step,
                            "loss": round(loss, 5),
                            "main": round(main, 5),
                            "gradientNorm": round(norm, 3),
                            "learningRate": self.learning_rate(),
                            "samplesPerSecond": round(rate),
                            "seconds": round(self.position["seconds"]),
                        }
                    )
            if first and step % every["validation"] == 0:
                self.log({"step": step, "validationLoss": self.validate()})
            if first and step % every["checkpoint"] == 0 and self.broken == 0:
                self.save()
        if first:
            self.save()


def run_training(trainer, options):
    """Runs a trainer of a class to its end. Returns None, or the error in one line."""
    if options.threads:
        torch.set_num_threads(options.threads)
    stopping = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.append(True))
    try:
        config = training_config(options.config)
        processes = Processes(options.device)
        if options.precision == "bf16" and processes.device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise ConfigError("--precision bf16: this GPU cannot compute with bfloat16; use --precision float32")
        run = trainer(config, options, processes)
        try:
            run.run(stopping)
        finally:
            run.close()
        processes.close()
    except (InputError, OSError) as error:
        return one_line(error)


if __name__ == "__main__":
    sys.exit(run_training(Trainer, arguments("diffwave_torch.train", __doc__)))

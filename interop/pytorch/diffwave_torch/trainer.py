"""The training loop of one process."""

import argparse
import contextlib
import json
import math
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from .checkpoint import FILE, Position, State
from .clock import Clock
from .compilation import compile_stack
from .cores import cores
from .dataset import Dataset
from .diffusion import Denoiser, Schedule, denoise, diffuse, even_levels, predict_clean
from .draws import Draw, Draws
from .errors import InputError
from .fields import ConfigError
from .loss import Objective
from .metrics import append_metrics, cut_metrics
from .model_folder import WEIGHTS, write_model
from .network import Network
from .optimiser import adam, half_cosine, learning_rate, update_average
from .polarity import normalise_polarity
from .prior import Prior
from .processes import Processes, device_text
from .recordings import DataError
from .safetensors import copy_parameters, read_safetensors
from .seeds import seeded

# Number of updates in a row without a finite gradient that ends the run.
MAX_BROKEN_STEPS = 5
# Draw of validation noise, which is always the same; number of validation crops, and of those at a time.
VALIDATION_DRAW, VALIDATION_CROPS, VALIDATION_BATCH = 2**40, 32, 8


class TrainingError(InputError):
    """A run cannot go on. Its message is one line."""


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in a list, instead of ending the process."""
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: received.append(number)) for number in numbers]
    try:
        yield received
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


class Trainer:
    """The part of a run that one process does. `run` does it."""

    def __init__(self, config: dict[str, Any], options: argparse.Namespace, processes: Processes, clock: Clock):
        """@param config: a `train.json` @param options: those of `train.py`

        @raises ConfigError, DataError, CheckpointError, OSError
        """
        self.config, self.options, self.processes, self.clock = config, options, processes, clock
        model, device, optimiser = config["model"], processes.device, config["optimiser"]
        with seeded(config["seed"]):
            self.network = Network.of_model(model).to(device)
        self.parameters: dict[str, Tensor] = dict(self.network.named_parameters())
        betas = (optimiser["beta1"], optimiser["beta2"])
        adam_ = adam(self.parameters.values(), optimiser["learningRate"], betas, optimiser["epsilon"])
        self.state = State(self.parameters, adam_)
        prior = Prior(model)
        self.schedule = Schedule(model["diffusion"]["training"], device)
        self.noise_scale = model["diffusion"]["noiseScale"]
        self.objective = Objective(config).to(device)
        dataset = Dataset(options.data, config, prior.context)
        if config["pulses"] != "free":
            normalise_polarity(dataset, prior)
        self.draws = Draws(config, dataset, prior, device)
        self.position = self.start(dataset.fingerprint)
        # Updates in a row without a finite gradient.
        self.broken = 0
        # The step that the first process saved last.
        self.saved = self.position["step"]
        self.describe(dataset)
        if options.compile:
            self.say("compiling")
            compile_stack(self.network, config, options.precision, self.say)
        self.running = processes.wrap(self.network)
        self.say(
            f"{device_text(device)}; PyTorch {torch.__version__}; {options.precision}; "
            f"{processes.count} × {config['data']['batch']} crops; begins after {clock.seconds:.0f} s"
        )

    def say(self, text: str) -> None:
        if self.processes.is_first:
            print(text, flush=True)

    def describe(self, dataset: Dataset) -> None:
        """Says what is trained on what."""
        for note in dataset.notes:
            self.say(note)
        count = sum(value.numel() for value in self.parameters.values())
        self.say(
            f"{len(dataset.training.lengths)} clips, {dataset.hours:.2f} hours, {len(dataset.left_out)} left out; "
            f"{count} parameters; step {self.position['step']}; read in {self.clock.seconds:.0f} s"
        )

    def start(self, fingerprint: str) -> Position:
        """Returns the position to start from: that of the checkpoint, or 0."""
        options = self.options
        own = Position(data=fingerprint, config=json.dumps(self.config), model=self.config["model"])
        os.makedirs(options.out, exist_ok=True)
        if os.path.exists(os.path.join(options.out, FILE)):
            if not options.resume:
                raise ConfigError(f"{options.out}: the folder already holds a checkpoint; continue it with --resume")
            position = self.state.read(options.out)
            if position["data"] != fingerprint and not options.new_data:
                raise DataError(
                    f"{options.out}: the recordings are not those this run was started with; --new-data allows it"
                )
            if self.processes.is_first:
                cut_metrics(options.out, position["step"])
            return {**position, **own}
        if options.start:
            path = os.path.join(options.start, WEIGHTS)
            tensors = read_safetensors(path)[0]
            copy_parameters(self.parameters, tensors, path)
            copy_parameters(self.state.average, tensors, path)
        return {"step": 0, "optimiserStep": 0, "seconds": 0, "samplesSeen": 0, "best": None, **own}

    def worker_count(self) -> int:
        """Returns the number of processes that find pulses. With a GPU it is at least one, since pulses are found on
        the CPU."""
        is_cpu = self.processes.device.type == "cpu"
        count = self.options.workers
        if count is None:
            count = 0 if is_cpu else cores() // self.processes.local - 1
        return max(0 if is_cpu else 1, count)

    def autocast(self) -> torch.autocast:
        """Computes in the precision that the options ask for."""
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=self.options.precision == "bf16")

    def own_steps(self, network: Denoiser, draw: Draw, count: int | None = None) -> list[Tensor]:
        """Makes the audio [B, T] of each of the network's own steps, starting from noise. Gradients do not flow from
        one step into the one before. `count`: number of steps, by default the config's."""
        levels = even_levels(self.schedule, count or self.config["noiseLevels"]["steps"])
        return denoise(
            network, self.schedule, draw.noise, levels, draw.mel, draw.deviations, self.noise_scale, separate=True
        )

    def losses(self, network: Denoiser, draw: Draw) -> tuple[Tensor, Tensor]:
        """Computes the loss of each clip, and its main part: two tensors [B]."""
        levels = self.config["noiseLevels"]
        with self.autocast():
            if levels["kind"] == "own":
                made = self.own_steps(network, draw)
            else:
                steps = draw.shares * (self.schedule.steps - 1)
                alpha_bar = self.schedule.alpha_bar(steps)
                noisy = diffuse(draw.clean, draw.noise, alpha_bar)
                predicted = predict_clean(network, noisy, steps, draw.mel, draw.deviations)
        if levels["kind"] == "own":
            return self.objective.of_own_steps(made, draw.clean, draw.limits, levels["weights"], draw.known)
        return self.objective(predicted, draw.clean, draw.limits, alpha_bar)

    def update(self) -> Tensor:
        """Does one update. Returns loss, main part and gradient norm, means over this process's clips, [3]."""
        data, step = self.config["data"], self.position["step"]
        accumulation, count = data["accumulation"], data["batch"] * self.processes.count
        numbers, sums = self.processes.numbers(data["batch"]), torch.zeros(2, device=self.processes.device)
        self.state.optimiser.zero_grad(set_to_none=True)
        for part in range(accumulation):
            with self.averaging(is_last=part + 1 == accumulation):
                draw = self.draws.training(step * accumulation + part, numbers, count)
                loss, main = self.losses(self.running, draw)
                (loss.mean() / accumulation).backward()
            sums += torch.stack([loss.mean(), main.mean()]).detach() / accumulation
        norm = self.apply()
        return torch.cat([sums, norm.detach()[None]])

    def averaging(self, is_last: bool) -> contextlib.AbstractContextManager[None]:
        """Lets a backward pass average the gradients over processes if it is the last of an update: once is enough."""
        if isinstance(self.running, DistributedDataParallel) and not is_last:
            return self.running.no_sync()
        return contextlib.nullcontext()

    def learning_rate(self) -> float:
        """Computes the learning rate of the next update: the config's, and with --decay-minutes half a cosine down to
        `finalFactor` at the end of --minutes."""
        return learning_rate(self.config["optimiser"], self.position["step"]) * self.decay()

    def decay(self) -> float:
        """Computes the factor of the learning rate that --decay-minutes asks for, from 1 down to `finalFactor`."""
        return half_cosine(self.clock.left, self.config["optimiser"]["finalFactor"])

    def apply(self) -> Tensor:
        """Clips the gradients and updates the weights, unless a gradient is not finite. Increments the position.
        Returns the gradients' norm."""
        optimiser = self.config["optimiser"]
        bound = optimiser["clipNorm"] if optimiser["clipNorm"] is not None else math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), bound)
        if torch.isfinite(norm):
            self.broken = 0
            for group in self.state.optimiser.param_groups:
                group["lr"] = self.learning_rate()
            self.state.optimiser.step()
            average, weights = list(self.state.average.values()), [value.detach() for value in self.parameters.values()]
            update_average(average, weights, optimiser["averageDecay"], self.position["optimiserStep"])
            self.position["optimiserStep"] += 1
        else:
            self.broken += 1
            if self.broken >= MAX_BROKEN_STEPS:
                raise TrainingError(
                    f"{self.broken} updates in a row had no finite gradient; the checkpoint before them is kept"
                )
        self.count_update()
        return norm

    def count_update(self) -> None:
        """Moves the position on by one update."""
        data = self.config["data"]
        self.position["step"] += 1
        self.position["samplesSeen"] += (
            data["batch"] * data["accumulation"] * data["cropSamples"] * self.processes.count
        )

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Gives the network the average of its weights for a while."""
        weights = {name: value.detach().clone() for name, value in self.parameters.items()}
        copy_parameters(self.parameters, self.state.average, "average")
        self.network.eval()
        try:
            yield
        finally:
            self.network.train()
            copy_parameters(self.parameters, weights, "weights")

    @torch.no_grad()
    def validate(self) -> float:
        """Computes the main loss of the average of the weights, on crops and noise that are always the same."""
        values = []
        with self.averaged():
            for first in range(0, VALIDATION_CROPS, VALIDATION_BATCH):
                numbers = range(first, first + VALIDATION_BATCH)
                draw = self.draws.validation(VALIDATION_DRAW, numbers, VALIDATION_CROPS)
                values.append(self.losses(self.network, draw)[1])
        return torch.cat(values).mean().item()

    def save(self) -> None:
        """Writes the checkpoint and the model. @raises OSError; the files before then stay"""
        self.state.write(self.options.out, self.position)
        provenance = {
            "trainedWith": "diffwave_torch.train",
            "steps": self.position["step"],
            "hours": round(self.position["seconds"] / 3600, 2),
            "samplesSeen": self.position["samplesSeen"],
            "dataFingerprint": self.position["data"],
        }
        write_model(os.path.join(self.options.out, "model"), self.config["model"], self.state.average, provenance)

    def log(self, line: dict[str, Any]) -> None:
        self.say(append_metrics(self.options.out, line))

    def report(self, sums: list[Tensor], samples: int, seconds: float) -> None:
        """Logs the means of some updates, which took so many samples and seconds."""
        loss, main, norm = self.processes.mean(torch.stack(sums).mean(0)).tolist()
        line = {
            "step": self.position["step"],
            "loss": round(loss, 5),
            "main": round(main, 5),
            "gradientNorm": round(norm, 3),
            "learningRate": self.learning_rate(),
            "samplesPerSecond": round(samples / seconds),
            "seconds": round(self.position["seconds"]),
        }
        if self.processes.is_first:
            self.log({**line, **self.measures()})

    def measures(self) -> dict[str, Any]:
        """Returns what else the log says of the updates before: how much of the GPU's memory they needed at most."""
        device = self.processes.device
        if device.type != "cuda":
            return {}
        return {"gpuGibibytes": round(torch.cuda.max_memory_allocated(device) / 2**30, 2)}

    def run(self) -> None:
        """Updates the weights until the config's last step, --max-steps, the end of --minutes, or a signal, and saves.

        @raises TrainingError, DataError, OSError
        """
        begun = self.position["step"]
        path = os.path.join(self.options.out, f"recordings-{self.processes.rank}")
        with stop_signals() as stopping, self.draws.working(self.worker_count(), path):
            try:
                self.updates(stopping)
            except torch.cuda.OutOfMemoryError as error:
                raise TrainingError(f"{self.out_of_memory()}{self.rescued(begun)}") from error
            except DataError as error:
                raise DataError(f"{error}{self.rescued(begun)}") from error
        if self.position["step"] == begun:
            why = "told to end" if stopping else "the time is over" if self.clock.is_over else "the run ends there"
            self.say(f"no update after step {begun}: {why}")
        if self.processes.is_first:
            self.save()

    def out_of_memory(self) -> str:
        data = self.config["data"]
        crops = f"{data['batch']} crops of {data['cropSamples']} samples"
        return f"the GPU has too little memory for {crops}; use a smaller --batch, or data.cropSamples"

    def rescued(self, begun: int) -> str:
        """Saves a run whose update failed before it changed the weights. All processes have the same weights, so the
        one that fails saves them; of several, the first. Returns what to say of it. `begun`: the step that this program
        started from."""
        step = self.position["step"]
        if step == begun:
            return ""
        if step != self.saved:
            if not self.processes.asks_first(f"save {step}"):
                return ""
            self.save()
        return f"; saved at step {step}"

    def updates(self, stopping: list[int]) -> None:
        """Does the updates of `run`, and logs and saves as often as the config says."""
        every, is_first = self.config["every"], self.processes.is_first
        total = min(self.options.max_steps or math.inf, self.config["optimiser"]["totalSteps"])
        before, begun = self.position["seconds"], time.monotonic()
        logged, seen = begun, self.position["samplesSeen"]
        sums: list[Tensor] = []
        while self.position["step"] < total:
            if self.processes.any(bool(stopping) or self.clock.is_over):
                break
            sums.append(self.update())
            step, now = self.position["step"], time.monotonic()
            self.position["seconds"] = before + now - begun
            if step % every["log"] == 0:
                self.report(sums, self.position["samplesSeen"] - seen, now - logged)
                logged, seen, sums = time.monotonic(), self.position["samplesSeen"], []
            if is_first and self.draws.has_validation and step % every["validation"] == 0:
                self.log({"step": step, "validationLoss": self.validate()})
            if step % every["checkpoint"] == 0 and self.broken == 0:
                self.saved = step
                if is_first:
                    self.save()
        if sums:
            self.report(sums, self.position["samplesSeen"] - seen, time.monotonic() - logged)

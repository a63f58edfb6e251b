"""The second stage: python -m diffwave_torch.adversarial train.json --data DIR... --out RUN --from MODEL

A network trained by regression alone leaves out energy where the phase is uncertain. Here its few denoising steps are
run as one generator, from noise to audio, against discriminators (as PeriodWave-Turbo, Lee et al. 2024, and DMD2, Yin
et al. 2024, do). RUN is a new folder, continued with --resume; it also gets discriminators-N.safetensors of the
checkpoint's update N.
"""

import glob
import os
import random
import sys

import torch

from .checkpoint import CheckpointError, copy_parameters, read_safetensors, write_safetensors
from .config import filled
from .data import white_noise
from .diffusion import denoise, even_levels
from .discriminators import Discriminators, discriminator_loss, generator_losses
from .optimiser import update_average
from .train import Trainer, arguments, run_training

ADVERSARIAL = {
    "steps": [2, 3, 4],
    "learningRate": 1e-4,
    "beta1": 0.8,
    "beta2": 0.99,
    "alone": 1000,
    "melWeight": 45,
    "featureWeight": 2,
    "adversarialWeight": 1,
    "spectralWeight": 0,
    "windows": [512, 1024, 2048],
    "resolutionChannels": 32,
    "periods": [2, 3, 5, 7, 11],
    "periodChannels": 8,
}


class AdversarialTrainer(Trainer):
    """One process's part of the second stage. `alone`: updates that only the discriminators make at first."""

    def __init__(self, config, options, processes):
        self.settings = filled(ADVERSARIAL, config.get("adversarial", {}))
        torch.manual_seed(config["seed"])
        self.discriminators = Discriminators(self.settings).to(processes.device)
        self.judge_parameters = dict(self.discriminators.named_parameters())
        self.judge_optimiser = self.adam(self.judge_parameters.values())
        super().__init__(config, options, processes)
        # Every process must have the same ones: they were drawn from the same seed.
        self.state.optimiser.param_groups[0]["betas"] = (self.settings["beta1"], self.settings["beta2"])
        self.read_discriminators()

    def adam(self, parameters):
        betas = (self.settings["beta1"], self.settings["beta2"])
        return torch.optim.Adam(parameters, lr=self.settings["learningRate"], betas=betas, fused=True)

    def learning_rate(self):
        return self.settings["learningRate"]

    def made(self, mel, deviations, white, update):
        """Audio [B, T] by a number of steps that the update's number chooses."""
        count = random.Random(f"{self.config['seed']} {update}").choice(self.settings["steps"])
        x = self.network.shape_noise(white, deviations, self.network.pitch_of(mel))
        bf16 = self.options.precision == "bf16"
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            levels = even_levels(self.schedule, count)
            return denoise(self.network, self.schedule, x, levels, mel, deviations, self.noise_scale)[-1]

    def update(self):
        """One update of the discriminators and, later, of the network: [generator's loss, mel loss, gradient norm]."""
        data, step, processes = self.config["data"], self.position["step"], self.processes
        numbers = processes.numbers(data["batch"])
        audio, limits, _, seeds = self.crops.batch(step, numbers, data["batch"] * processes.count)
        alone = step < self.settings["alone"]
        with torch.no_grad():
            mel = self.network.mel(audio)
            clean = audio[:, self.context : -self.context]
            deviations = self.network.deviations(mel, clean.shape[1])
            white = white_noise(seeds, clean.shape[1], clean.device)
            # What the mel does not tell of would give the network away.
            clean = self.network.front_end.decode(self.network.front_end.encode(clean))
        with torch.set_grad_enabled(not alone):
            made = self.made(mel, deviations, white, step)
        real, own = self.objective.inner(clean), self.objective.inner(made)
        self.update_discriminators(real, own.detach())
        self.position["step"] += 1
        self.position["samplesSeen"] += clean.numel() * processes.count
        if alone:
            return torch.zeros(3, device=clean.device)
        return self.update_network(real, own, self.mel_distance(made, mel), limits)

    def mel_distance(self, made, mel):
        # Frames that reach beyond the crop are those of other audio.
        edge = self.context // self.network.mel.hop
        return (self.network.mel(made) - mel[:, :, edge:-edge]).abs().mean()

    def judged(self, audio):
        """Scores and features of audio [B, T] from every discriminator."""
        bf16 = self.options.precision == "bf16"
        with torch.autocast(audio.device.type, torch.bfloat16, enabled=bf16):
            return self.discriminators(audio)

    def update_discriminators(self, real, own):
        self.judge_optimiser.zero_grad(set_to_none=True)
        discriminator_loss(self.judged(real), self.judged(own)).backward()
        self.processes.average_gradients(self.judge_parameters.values())
        self.judge_optimiser.step()

    def update_network(self, real, own, distance, limits):
        """From audio without its edges: the recordings' and the network's own, [B, T]; distance: of the mels."""
        settings, optimiser = self.settings, self.config["optimiser"]
        self.state.optimiser.zero_grad(set_to_none=True)
        for value in self.judge_parameters.values():
            value.requires_grad_(False)
        with torch.no_grad():
            judged = self.judged(real)
        hinge, features = generator_losses(judged, self.judged(own))
        total = (
            settings["adversarialWeight"] * hinge
            + settings["featureWeight"] * features
            + settings["melWeight"] * distance
        )
        if settings["spectralWeight"] and self.objective.spectral is not None:
            limits = limits.clamp(max=self.objective.highest)
            spectral = self.objective.spectral(own, real, limits).mean()
            total = total + settings["spectralWeight"] * spectral
        total.backward()
        for value in self.judge_parameters.values():
            value.requires_grad_(True)
        self.processes.average_gradients(self.parameters.values())
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), optimiser["clipNorm"] or float("inf"))
        if torch.isfinite(norm):
            self.state.optimiser.param_groups[0]["lr"] = self.learning_rate()
            self.state.optimiser.step()
            average, weights = list(self.state.average.values()), [value.detach() for value in self.parameters.values()]
            update_average(average, weights, optimiser["averageDecay"], self.position["optimiserStep"])
            self.position["optimiserStep"] += 1
        return torch.stack([total.detach(), distance.detach(), norm.detach()])

    def file(self, step):
        return os.path.join(self.options.out, f"discriminators-{step}.safetensors")

    def save(self):
        """The discriminators first, under a name of their own: a kill in between leaves the pair of the checkpoint
        before."""
        step = self.position["step"]
        tensors = {f"weights/{name}": value for name, value in self.judge_parameters.items()}
        for name, value in self.judge_parameters.items():
            state = self.judge_optimiser.state[value]
            tensors[f"first/{name}"], tensors[f"second/{name}"] = state["exp_avg"], state["exp_avg_sq"]
        write_safetensors(self.file(step), tensors)
        super().save()
        for old in glob.glob(self.file("*")):
            if old != self.file(step):
                os.remove(old)

    def read_discriminators(self):
        """Those of the checkpoint. @raises CheckpointError"""
        step = self.position["step"]
        if step == 0:
            return
        path = self.file(step)
        tensors, _ = read_safetensors(path)
        part = lambda prefix: {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
        copy_parameters(self.judge_parameters, part("weights/"), path)
        first, second = part("first/"), part("second/")
        for name, value in self.judge_parameters.items():
            if name not in first or name not in second:
                raise CheckpointError(f"{path}: the moments of {name} are missing")
            self.judge_optimiser.state[value] = {
                "step": torch.tensor(float(step), device=value.device),
                "exp_avg": first[name].to(value.device),
                "exp_avg_sq": second[name].to(value.device),
            }


if __name__ == "__main__":
    options = arguments("diffwave_torch.adversarial", __doc__)
    sys.exit(run_training(AdversarialTrainer, options))

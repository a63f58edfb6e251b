"""The second stage: python -m diffwave_torch.adversarial train.json --data DIR... --out RUN --from MODEL

A network trained by regression alone leaves out energy where the phase is uncertain. Here training on the network's own
steps goes on, and the last step's audio must also pass discriminators (as in PeriodWave-Turbo, Lee et al. 2024). These
are given audio divided by the envelope that its mel implies: in plain audio the loudest harmonics are nearly all that
they notice (docs/log/speech-discriminators.md).

RUN is a new folder, continued with --resume; it also gets discriminators-N.safetensors of the checkpoint's update N.
"""

import glob
import os
import sys

import torch

from .checkpoint import CheckpointError, copy_parameters, read_safetensors, write_safetensors
from .discriminators import Discriminators, discriminator_loss, feature_distance, generator_loss
from .fields import fields, nullable, real, require, several, whole
from .limits import MAX_FFT_SIZE, MAX_REFINEMENT_ITERATIONS
from .train import Trainer, arguments, run_training

ROUND = fields({"steps": (nullable(whole(1, 16)), None), "refine": (whole(0, MAX_REFINEMENT_ITERATIONS), 0)})
ADVERSARIAL = fields(
    {
        "learningRate": (real(above=0, high=1), 2e-4),
        "discriminatorRate": (real(above=0, high=1), 1e-3),
        "beta1": (real(0, below=1), 0.8),
        "beta2": (real(0, below=1), 0.99),
        # Number of updates at the start that change only the discriminators.
        "alone": (whole(0), 500),
        # What updates make in turn: in how many steps, by default those of `noiseLevels`, and how many iterations of
        # refinement follow.
        "rounds": (several(ROUND, 1), [{}]),
        # How large the two losses' gradients of the audio are, relative to that of training on own steps.
        "adversarialShare": (real(0), 1),
        "featureShare": (real(0), 0.5),
        "windows": (several(whole(16, MAX_FFT_SIZE), 1), [512, 1024, 2048]),
        "resolutionChannels": (whole(1, 1024), 16),
        "periods": (several(whole(1, 1024), 1), [2, 3, 5, 7, 11]),
        "periodChannels": (whole(1, 1024), 8),
    }
)
# How many edges of a crop are left out after refinement. Like the correction, it lacks the audio beyond the crop, but
# reaches farther.
REFINED_EDGES = 2
# The smallest deviation that audio is divided by: 80 dB below full scale, little but rounding is left.
FLOOR = 1e-4
# Decay of the running mean of the discriminators' loss; loss of discriminators that only guess: 2.
MEMORY, GUESSING = 0.98, 2.0


def settings(config):
    """Fills in the defaults of a config's `adversarial`. @raises ConfigError"""
    result = ADVERSARIAL(config["adversarial"] or {}, "adversarial")
    require(config["noiseLevels"]["kind"] == "own", "noiseLevels.kind", "the adversarial stage needs own")
    require(config["data"]["accumulation"] == 1, "data.accumulation", "must be 1 in the adversarial stage")
    return result


class AdversarialTrainer(Trainer):
    """One process's part of the second stage."""

    def __init__(self, config, options, processes):
        self.settings = settings(config)
        refinement = config["model"]["diffusion"].get("refinement") or {}
        self.refinement = {key: refinement[key] for key in ("momentum", "relaxation") if key in refinement}
        torch.manual_seed(config["seed"])
        self.discriminators = Discriminators(self.settings).to(processes.device)
        self.judge_parameters = dict(self.discriminators.named_parameters())
        betas = (self.settings["beta1"], self.settings["beta2"])
        rate = self.settings["discriminatorRate"]
        self.judge_optimiser = torch.optim.Adam(self.judge_parameters.values(), lr=rate, betas=betas, fused=True)
        super().__init__(config, options, processes)
        # All processes have the same discriminators, as they were drawn from the same seed.
        self.state.optimiser.param_groups[0]["betas"] = betas
        self.position.setdefault("discriminatorLoss", GUESSING)
        self.read_discriminators()

    def learning_rate(self):
        return self.settings["learningRate"] * self.decay() * min(1, (self.position["optimiserStep"] + 1) / 50)

    def update(self):
        """Updates the discriminators and, after the first updates, the network. Returns [loss of own steps, distance of
        the last step, gradient norm]."""
        data, step, processes = self.config["data"], self.position["step"], self.processes
        numbers, count = processes.numbers(data["batch"]), data["batch"] * processes.count
        clean, noise, mel, deviations, limits, _, known = self.drawn(self.crops, step, numbers, count)
        alone = step < self.settings["alone"]
        with torch.set_grad_enabled(not alone):
            made = self.made(noise, mel, deviations)
        with torch.no_grad():
            real, own = self.flattened(clean, deviations), self.flattened(made[-1].detach(), deviations)
        self.update_discriminators(real, own)
        if alone:
            position = self.position
            position["step"] += 1
            position["samplesSeen"] += clean.numel() * processes.count
            return torch.zeros(3, device=clean.device)
        return self.update_network(made, clean, real, deviations, limits, known)

    @property
    def round(self):
        """Returns the round of the next update."""
        rounds = self.settings["rounds"]
        return rounds[self.position["step"] % len(rounds)]

    def made(self, noise, mel, deviations):
        """Makes the audio of each step of the round, a list of [B, T]. The last one is refined if the round asks for
        it."""
        with torch.autocast(noise.device.type, torch.bfloat16, enabled=self.options.precision == "bf16"):
            made = self.own_steps(self.network, noise, mel, deviations, self.round["steps"])
        if self.round["refine"]:
            made[-1] = self.network.mel.refined(made[-1].float(), mel, self.round["refine"], **self.refinement)
        return made

    def edges(self):
        """Returns how many times the usual edge of a crop is left out."""
        return REFINED_EDGES if self.round["refine"] else 1

    def flattened(self, audio, deviations):
        """Divides audio [B, T] by the mel's envelope [B, N, P], and cuts off its edges."""
        front, scale = self.network.front_end, deviations.clamp(min=FLOOR).repeat(1, 2, 1)
        return self.objective.inner(front.decode(front.encode(audio) / scale), self.edges())

    def judged(self, audio):
        """Computes the scores and features of audio [B, T] of every discriminator."""
        with torch.autocast(audio.device.type, torch.bfloat16, enabled=self.options.precision == "bf16"):
            return self.discriminators(audio)

    def update_discriminators(self, real, own):
        for group in self.judge_optimiser.param_groups:
            group["lr"] = self.settings["discriminatorRate"] * self.decay()
        self.judge_optimiser.zero_grad(set_to_none=True)
        loss = discriminator_loss(self.judged(real), self.judged(own))
        loss.backward()
        self.processes.average_gradients(self.judge_parameters.values())
        self.judge_optimiser.step()
        loss = self.processes.mean(loss.detach()).item()
        self.position["discriminatorLoss"] += (1 - MEMORY) * (loss - self.position["discriminatorLoss"])

    def update_network(self, made, clean, real, deviations, limits, known):
        """Updates the network from the audio `made` of each step, which has its graph. `real`: the recordings as the
        discriminators get them."""
        self.state.optimiser.zero_grad(set_to_none=True)
        # The gradients of all losses with respect to the audio are added before they go through the network.
        leaves = [audio.detach().requires_grad_() for audio in made]
        levels = self.config["noiseLevels"]
        weights = levels["weights"] if len(made) == levels["steps"] else [1] * len(made)
        loss, distance = self.objective.of_own_steps(leaves, clean, limits, weights, known, self.edges())
        gradients = list(torch.autograd.grad(loss.mean(), leaves))
        gradients[-1] = gradients[-1] + self.adversarial_gradient(
            leaves[-1], real, deviations, known, gradients[-1].norm()
        )
        torch.autograd.backward(made, gradients)
        self.processes.average_gradients(self.parameters.values())
        norm = self.apply()
        return torch.stack([loss.mean().detach(), distance.mean(), norm.detach()])

    def adversarial_gradient(self, audio, real, deviations, known, norm):
        """Computes the gradient with respect to audio [B, T] of the hinge loss, and of the distance of features in
        crops with the recording's pulses. Each is scaled to its share of `norm`, the norm of the other losses'
        gradient, and to less if the discriminators still guess, since their gradient then means nothing."""
        trust = min(1.0, max(0.0, GUESSING - self.position["discriminatorLoss"]))
        for value in self.judge_parameters.values():
            value.requires_grad_(False)
        own = self.judged(self.flattened(audio, deviations))
        parts = [(self.settings["adversarialShare"], generator_loss(own))]
        aligned = [] if known is None else [clip for clip in range(len(audio)) if known[clip].max() > 0]
        if aligned:
            with torch.no_grad():
                wanted = self.judged(real)
            parts.append((self.settings["featureShare"], feature_distance(wanted, own, aligned)))
        total = 0
        for share, part in parts:
            gradient = torch.autograd.grad(part, audio, retain_graph=True)[0]
            total = total + gradient * (share * trust * norm / gradient.norm().clamp(min=1e-12))
        for value in self.judge_parameters.values():
            value.requires_grad_(True)
        return total

    def file(self, step):
        return os.path.join(self.options.out, f"discriminators-{step}.safetensors")

    def save(self):
        """Saves the discriminators first, under a new name. If the process is killed in between, the previous
        checkpoint still has its discriminators."""
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
        """Reads the discriminators of the checkpoint. @raises CheckpointError"""
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

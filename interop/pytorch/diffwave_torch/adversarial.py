"""The second stage: python -m diffwave_torch.adversarial train.json --data DIR... --out RUN --from MODEL

A network trained by regression alone leaves out energy where the phase is uncertain. Here training on the network's own
steps goes on, and the last step's audio must also pass discriminators (as in PeriodWave-Turbo, Lee et al. 2024). These
are given audio divided by the envelope that its mel implies: in plain audio the loudest harmonics are nearly all that
they notice (docs/log/speech-discriminators.md).

RUN is a new folder, continued with --resume; it also gets discriminators-N.safetensors of the checkpoint's update N.
"""

import argparse
import math
import os
import sys
from typing import Any

import torch
from torch import Tensor

from .adversarial_config import REFINED_EDGES, adversarial_config
from .clock import Clock
from .discriminators import Discriminators, Judgement, discriminator_loss, feature_distance, generator_loss
from .draws import Draw
from .moments import moments_of, restore_moments
from .optimiser import adam
from .processes import Processes
from .safetensors import CheckpointError, copy_parameters, part_of, read_safetensors, write_safetensors
from .seeds import seeded
from .train import arguments, run_training
from .trainer import Trainer

# Number of updates over which the network's learning rate rises.
WARMUP = 50
# The smallest deviation that audio is divided by: 80 dB below full scale, little but rounding is left.
FLOOR = 1e-4
# Decay of the running mean of the discriminators' loss; loss of discriminators that only guess: 2.
MEMORY, GUESSING = 0.98, 2.0


class AdversarialTrainer(Trainer):
    """One process's part of the second stage."""

    def __init__(self, config: dict[str, Any], options: argparse.Namespace, processes: Processes, clock: Clock):
        self.settings = adversarial_config(config)
        refinement = config["model"]["diffusion"]["refinement"] or {}
        self.refinement = {key: refinement[key] for key in ("momentum", "relaxation") if key in refinement}
        # All processes have the same discriminators, as they are drawn from the same seed.
        with seeded(config["seed"]):
            self.discriminators = Discriminators(self.settings).to(processes.device)
        self.judge_parameters: dict[str, Tensor] = dict(self.discriminators.named_parameters())
        betas = (self.settings["beta1"], self.settings["beta2"])
        self.judge_optimiser = adam(self.judge_parameters.values(), self.settings["discriminatorRate"], betas)
        super().__init__(config, options, processes, clock)
        self.state.optimiser.param_groups[0]["betas"] = betas
        self.position.setdefault("discriminatorLoss", GUESSING)
        self.read_discriminators()

    def learning_rate(self) -> float:
        return self.settings["learningRate"] * self.decay() * min(1, (self.position["optimiserStep"] + 1) / WARMUP)

    def update(self) -> Tensor:
        """Updates the discriminators and, after the first updates, the network. Returns [loss of own steps, distance of
        the last step, gradient norm]."""
        batch, step, processes = self.config["data"]["batch"], self.position["step"], self.processes
        draw = self.draws.training(step, processes.numbers(batch), batch * processes.count)
        is_alone = step < self.settings["alone"]
        with torch.set_grad_enabled(not is_alone):
            made = self.made(draw)
        with torch.no_grad():
            real, own = (self.flattened(audio, draw.deviations) for audio in (draw.clean, made[-1].detach()))
        self.update_discriminators(real, own)
        if is_alone:
            self.count_update()
            return torch.zeros(3, device=real.device)
        return self.update_network(made, draw, real)

    def measures(self) -> dict[str, Any]:
        return {"discriminatorLoss": round(self.position["discriminatorLoss"], 4), **super().measures()}

    @property
    def round(self) -> dict[str, Any]:
        """Returns the round of the next update."""
        rounds = self.settings["rounds"]
        return rounds[self.position["step"] % len(rounds)]

    def made(self, draw: Draw) -> list[Tensor]:
        """Makes the audio [B, T] of each step of the round. The last one is refined if the round asks for it."""
        with self.autocast():
            made = self.own_steps(self.network, draw, self.round["steps"])
        if self.round["refine"]:
            made[-1] = self.draws.prior.mel.refined(made[-1].float(), draw.mel, self.round["refine"], **self.refinement)
        return made

    def edges(self) -> int:
        """Returns how many times the usual edge of a crop is left out."""
        return REFINED_EDGES if self.round["refine"] else 1

    def flattened(self, audio: Tensor, deviations: Tensor) -> Tensor:
        """Divides audio [B, T] by the mel's envelope [B, N, P], and cuts off its edges."""
        front, scale = self.draws.prior.front_end, deviations.clamp(min=FLOOR).repeat(1, 2, 1)
        return self.objective.inner(front.decode(front.encode(audio) / scale), self.edges())

    def judged(self, audio: Tensor) -> list[Judgement]:
        """Computes what every discriminator says of audio [B, T]."""
        with self.autocast():
            return self.discriminators(audio)

    def update_discriminators(self, real: Tensor, own: Tensor) -> None:
        """Updates the discriminators from recordings and generated audio, [B, T] each, unless a gradient is not finite:
        it would never leave their weights again."""
        for group in self.judge_optimiser.param_groups:
            group["lr"] = self.settings["discriminatorRate"] * self.decay()
        self.judge_optimiser.zero_grad(set_to_none=True)
        loss = discriminator_loss(self.judged(real), self.judged(own))
        loss.backward()
        self.processes.average_gradients(self.judge_parameters.values())
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(self.judge_parameters.values(), math.inf)):
            return
        self.judge_optimiser.step()
        mean = self.processes.mean(loss.detach()).item()
        self.position["discriminatorLoss"] += (1 - MEMORY) * (mean - self.position["discriminatorLoss"])

    def update_network(self, made: list[Tensor], draw: Draw, real: Tensor) -> Tensor:
        """Updates the network from the audio `made` of each step, which has its graph. `real`: the recordings as the
        discriminators get them."""
        self.state.optimiser.zero_grad(set_to_none=True)
        # The gradients of all losses with respect to the audio are added before they go through the network.
        leaves = [audio.detach().requires_grad_() for audio in made]
        levels = self.config["noiseLevels"]
        weights = levels["weights"] if len(made) == levels["steps"] else [1] * len(made)
        loss, distance = self.objective.of_own_steps(leaves, draw.clean, draw.limits, weights, draw.known, self.edges())
        gradients = list(torch.autograd.grad(loss.mean(), leaves))
        gradients[-1] = gradients[-1] + self.adversarial_gradient(leaves[-1], real, draw, gradients[-1].norm())
        torch.autograd.backward(made, gradients)
        self.processes.average_gradients(self.parameters.values())
        norm = self.apply()
        return torch.stack([loss.mean().detach(), distance.mean().detach(), norm.detach()])

    def adversarial_gradient(self, audio: Tensor, real: Tensor, draw: Draw, norm: Tensor) -> Tensor:
        """Computes the gradient with respect to audio [B, T] of the hinge loss, and of the distance of features in
        crops with the recording's pulses. Each is scaled to its share of `norm`, the norm of the other losses'
        gradient, and to less if the discriminators still guess, since their gradient then means nothing."""
        trust = min(1.0, max(0.0, GUESSING - self.position["discriminatorLoss"]))
        self.discriminators.requires_grad_(False)
        own = self.judged(self.flattened(audio, draw.deviations))
        parts = [(self.settings["adversarialShare"], generator_loss(own))]
        aligned = [] if draw.known is None else draw.known.amax(1).nonzero()[:, 0].tolist()
        if aligned:
            with torch.no_grad():
                wanted = self.judged(real)
            parts.append((self.settings["featureShare"], feature_distance(wanted, own, aligned)))
        total = torch.zeros_like(audio)
        for share, part in parts:
            gradient = torch.autograd.grad(part, audio, retain_graph=True)[0]
            total = total + gradient * (share * trust * norm / gradient.norm().clamp(min=1e-12))
        self.discriminators.requires_grad_(True)
        return total

    def file(self, step: int) -> str:
        return os.path.join(self.options.out, f"discriminators-{step}.safetensors")

    def save(self) -> None:
        """Saves the discriminators first, under a new name. If the process is killed in between, the previous
        checkpoint still has its discriminators."""
        step = self.position["step"]
        tensors = {f"weights/{name}": value for name, value in self.judge_parameters.items()}
        tensors.update(moments_of(self.judge_optimiser, self.judge_parameters))
        write_safetensors(self.file(step), tensors)
        super().save()
        for name in os.listdir(self.options.out):
            if name.startswith("discriminators-") and name != os.path.basename(self.file(step)):
                os.remove(os.path.join(self.options.out, name))

    def read_discriminators(self) -> None:
        """Reads the discriminators of the checkpoint. @raises CheckpointError"""
        step = self.position["step"]
        if step == 0:
            return
        path = self.file(step)
        if not os.path.exists(path):
            raise CheckpointError(f"{path}: no such file; the checkpoint is not one of the adversarial stage")
        tensors, _ = read_safetensors(path)
        copy_parameters(self.judge_parameters, part_of(tensors, "weights/"), path)
        restore_moments(self.judge_optimiser, self.judge_parameters, tensors, step, path)


if __name__ == "__main__":
    sys.exit(run_training(AdversarialTrainer, arguments("diffwave_torch.adversarial", __doc__ or "")))

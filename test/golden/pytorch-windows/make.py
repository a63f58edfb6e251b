"""Makes the files of this folder: PYTHONPATH=interop/pytorch python3 test/golden/pytorch-windows/make.py"""

import base64
import json
import os

import torch

from diffwave_torch.diffusion import Schedule, denoise, diffuse, even_levels, predict_clean
from diffwave_torch.loss import Objective
from diffwave_torch.model_config import model_config
from diffwave_torch.model_folder import write_model
from diffwave_torch.network import Network
from diffwave_torch.pitch import PitchTracker
from diffwave_torch.prior import Prior
from diffwave_torch.safetensors import write_safetensors
from diffwave_torch.steps import step_sinusoids

FOLDER = os.path.dirname(os.path.abspath(__file__))
CLIPS, FRAMES, HOP = 2, 10, 256
STEPS, LIMITS = [12.5, 130.0], [11025 * 0.97, 8000 * 0.97]
LEVELS = [198.0, 140.0, 80.0, 25.0]

MODEL = {
    "kind": "vocoder",
    "name": "windows",
    "sampleRate": 22050,
    "network": {
        "channels": 8,
        "layers": 3,
        "dilationCycle": 2,
        "frontEnd": {"kind": "windows", "kernel": 256, "stride": 128, "bins": 93, "envelope": {}},
        "inputMask": {"steps": 200},
        "stepEmbedding": {"frequencies": "inverse", "fractional": "direct", "size": 8, "hidden": 8},
        "mel": {"kind": "frame-rate", "bands": 80, "hop": HOP, "encoder": [8]},
    },
    "mel": "tacotron2",
    "diffusion": {
        "training": {"kind": "cosine", "steps": 200},
        "clamp": False,
        "prediction": "x0",
        "defaultSampler": "ddim",
        "prior": {"kind": "front-end"},
    },
}
LEARNED = {
    "channels": 6,
    "layers": 2,
    "dilationCycle": 2,
    "frontEnd": {"kind": "windows", "kernel": 32, "stride": 16, "bins": 12, "learned": True},
    "stepEmbedding": {"frequencies": "inverse", "fractional": "direct", "size": 8, "hidden": 8},
    "labels": ["a", "b"],
}


def randomised(network, generator):
    """Every parameter normal, about as large as a trained one; learned windows a little off the Fourier transform."""
    with torch.no_grad():
        for name, value in network.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if name.startswith("front_end."):
                value += 0.02 * noise * value.std()
            else:
                value.copy_(noise * (0.2 if value.dim() == 1 else value[0].numel() ** -0.5))


def voice(samples, generator):
    """A buzz of 150 Hz with noise, that swells and fades: [CLIPS, samples]."""
    time = torch.arange(samples) / 22050
    buzz = sum(torch.sin(2 * torch.pi * 150 * k * time) / k for k in range(1, 30))
    noise = torch.randn(CLIPS, samples, generator=generator)
    return (0.1 * buzz + 0.02 * noise) * torch.sin(torch.pi * torch.linspace(0.05, 0.95, samples))


def own_steps(network, schedule, config, noise, clean, mel, deviations, limits, voicing=None):
    """Losses of a network with a correction on three steps of its own, and the gradients of their mean."""
    network.zero_grad(set_to_none=True)
    config["model"]["network"]["frontEnd"]["correction"] = network.correction
    made = denoise(network, schedule, noise, even_levels(schedule, 3), mel, deviations, 0.5, separate=True)
    losses, _ = Objective(config).of_own_steps(made, clean, limits, [1, 0.5, 2], voicing)
    losses.mean().backward()
    return losses, {name: value.grad for name, value in network.named_parameters()}


def envelope_network(generator):
    model = model_config(MODEL)
    network, prior = Network.of_model(model), Prior(model)
    randomised(network, generator)
    samples = FRAMES * HOP
    clean, mel, deviations = prior.conditioned(voice(samples + 2 * prior.context, generator))
    white = torch.randn(CLIPS, samples, generator=generator)
    noise = prior.noise(white, deviations)
    schedule = Schedule(model["diffusion"]["training"])
    steps, limits = torch.tensor(STEPS), torch.tensor(LIMITS)
    alpha_bar = schedule.alpha_bar(steps)
    noisy = diffuse(clean, noise, alpha_bar)
    predicted = predict_clean(network, noisy, steps, mel, deviations)
    config = {
        "model": model,
        "spectral": {"weight": 0.02, "windows": [256, 512]},
        "weighting": {"kind": "truncated-v", "most": 4},
    }
    losses, main = Objective(config)(predicted, clean, limits, alpha_bar)
    losses.mean().backward()
    gradients = {name: value.grad for name, value in network.named_parameters()}
    alpha_bars = schedule.alpha_bar(torch.tensor(LEVELS))
    with torch.no_grad():
        # As many frames as a clip has in synthesis.
        own = mel[:, :, :FRAMES]
        scale = prior.deviations(own, samples)
        start = prior.noise(white, scale)
        results = {
            "start": start,
            "sample": denoise(network, schedule, start, LEVELS, own, scale)[-1],
            "even": denoise(network, schedule, start, even_levels(schedule, 4), own, scale, 0.2)[-1],
            "corrected_noise": network.mel.corrected(start, own),
        }
        network.correction = {"passes": 1, "iterations": 5}
        results["corrected"] = denoise(network, schedule, start, LEVELS, own, scale)[-1]
    own, own_gradients = own_steps(network, schedule, config, noise, clean, mel, deviations, limits)
    # The first clip is voiced, the second only in its first half.
    voicing = torch.ones(CLIPS, samples // 128)
    voicing[1, samples // 256 :] = 0.5
    recorded, recorded_gradients = own_steps(
        network, schedule, config, noise, clean, mel, deviations, limits, voicing
    )
    # The objective of a network with a correction leaves the edges of a crop out.
    config["model"]["network"]["frontEnd"]["correction"] = network.correction
    inner = Objective(config)(predicted.detach(), clean, limits, alpha_bar)[0]
    config["model"]["network"]["frontEnd"]["correction"] = None
    write_safetensors(
        os.path.join(FOLDER, "golden.safetensors"),
        {
            "clean": clean.contiguous(),
            "mel": mel,
            "white": white,
            "limits": limits,
            "steps": steps,
            "alpha_bar": alpha_bar,
            "deviations": deviations,
            "noise": noise,
            "noisy": noisy,
            "predicted": predicted,
            "losses": losses,
            "main": main,
            "alpha_bars": alpha_bars,
            "losses_without_edges": inner,
            "own_losses": own,
            **{f"own_gradient.{name}": value for name, value in own_gradients.items()},
            "voicing": voicing,
            "recorded_losses": recorded,
            **{f"recorded_gradient.{name}": value for name, value in recorded_gradients.items()},
            **results,
            **{f"gradient.{name}": value for name, value in gradients.items()},
        },
    )
    # Noisy to clean; a schedule is its β from the cleanest level on.
    clean_first = alpha_bars.double().flip(0)
    betas = 1 - clean_first / torch.cat([torch.ones(1, dtype=torch.float64), clean_first[:-1]])
    model["diffusion"]["sampling"] = {"4": betas.tolist()}
    write_model(FOLDER, model, dict(network.named_parameters()), {})


def glide(frames, generator):
    """A voice that glides from 110 to 330 Hz, falls silent but for noise, and comes back at 200 Hz: [samples]."""
    samples = frames * HOP
    place = torch.arange(samples) / samples
    pitch = torch.where(place < 0.5, 110 * 3 ** (place / 0.5), torch.full_like(place, 200))
    phase = torch.cumsum(pitch / 22050, 0)
    buzz = sum(torch.cos(2 * torch.pi * k * phase) / k for k in range(1, 20))
    voiced = ((place < 0.5) | (place > 0.7)).float()
    return 0.05 * buzz * voiced + 0.01 * torch.randn(samples, generator=generator)


def pitch_network(generator):
    """A network of random numbers that moves f0 by up to about a candidate."""
    shape = {"frames": 2, "reach": 3, "hidden": 4}
    inputs, hidden = 5 * 7 + 1, shape["hidden"]
    count = hidden * (inputs + 1) + hidden * (hidden + 1) + hidden + 1
    weights = (torch.randn(count, generator=generator) * 0.4).numpy().astype("<f4")
    return {"kind": "network", **shape, "weights": base64.b64encode(weights.tobytes()).decode()}


def harmonics(generator):
    """The pitch of a mel, what a synthesis starts from, and what training from the recording's pulses does."""
    frames = 60
    own = {"kind": "front-end", "harmonics": {"corner": 3000, "noise": 0.3}}
    prior = Prior(model_config({**MODEL, "diffusion": {**MODEL["diffusion"], "prior": own}}))
    half, samples = prior.context, frames * HOP
    audio = torch.nn.functional.pad(glide(frames, generator), (half, half))[None]
    mel, recording = prior.mel(audio)[:, :, :frames], audio[:, half:-half]
    white = torch.randn(1, samples, generator=generator)
    deviations, pitch = prior.deviations(mel, samples), prior.pitch_of(mel)
    start = prior.noise(white, deviations, prior.excitation(pitch, samples))
    later, agreement, _ = prior.align_pulses(recording, pitch, deviations)
    _, inverted, _ = prior.align_pulses(-recording, pitch, deviations)
    prior.harmonics["phase"] = "minimum"
    method = pitch_network(generator)
    with open(os.path.join(FOLDER, "pitch-network.json"), "w", encoding="utf8") as file:
        file.write(json.dumps(method) + "\n")
    tracker = PitchTracker(prior.mel.filters, prior.rate, prior.mel.size, method)
    write_safetensors(
        os.path.join(FOLDER, "harmonics.safetensors"),
        {
            "mel": mel[0].contiguous(),
            "white": white[0],
            "pitch": torch.from_numpy(pitch[0]).float(),
            "pitch_by_network": torch.from_numpy(tracker.track(mel.numpy())[0]).float(),
            "start": start[0],
            "recording": recording[0].contiguous(),
            "later": torch.from_numpy(later[0]).float(),
            "agreement": torch.tensor([agreement[0], inverted[0]]).float(),
            "start_minimum": prior.noise(white, deviations, prior.excitation(pitch, samples))[0],
            "start_recorded": prior.noise(white, deviations, prior.excitation(pitch, samples, later))[0],
        },
    )


def learned_network(generator):
    network = Network(LEARNED)
    randomised(network, generator)
    audio, target = (torch.randn(CLIPS, 320, generator=generator) for _ in range(2))
    steps, labels = torch.tensor([3.0, 17.5]), torch.tensor([1, 2])
    output = network(audio, step_sinusoids(steps, network.config["stepEmbedding"]), labels=labels)
    loss = (output - target).square().mean()
    loss.backward()
    write_safetensors(
        os.path.join(FOLDER, "learned.safetensors"),
        {
            "audio": audio,
            "target": target,
            "steps": steps,
            "output": output,
            "loss": loss[None],
            **{f"weights.{name}": value for name, value in network.named_parameters()},
            **{f"gradient.{name}": value.grad for name, value in network.named_parameters()},
        },
        {"network": json.dumps(LEARNED)},
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    random = torch.Generator().manual_seed(7)
    envelope_network(random)
    learned_network(random)
    harmonics(torch.Generator().manual_seed(8))
